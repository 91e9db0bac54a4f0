//! Whether what the database said is worth another try.

use std::io::ErrorKind;

use sea_orm::{DbErr, RuntimeErr};

/// Of Postgres's classes of errors: those of the connection and of logging in, of what the server lacks, of a
/// server that is being stopped or started, of what other transactions did, of its disk, of its own faults
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const POSTGRES_CLASSES: [&str; 7] = ["08", "28", "40", "53", "57", "58", "XX"];
/// Those of the connection, of a server that has no room for another one, and of one that is stopped or started.
const POSTGRES_AWAY: [&str; 3] = ["08", "53", "57P"];
/// A lock that is not to be had; a transaction that waited too long; a server that only reads, as one does that is
/// no longer the first. And one that is being set up: no such database, schema or table, and no right to it.
const POSTGRES: [&str; 7] = ["55P03", "25P03", "25006", "3D000", "3F000", "42P01", "42501"];
/// Of SQLite's: no right, busy, locked, no memory, read-only, trouble with the disk, a damaged file, a full disk, no
/// opening it, no database in it (<https://www.sqlite.org/rescode.html>). What one is about is in the higher bits.
const SQLITE: [u32; 10] = [3, 5, 6, 7, 8, 10, 11, 13, 14, 26];

/// A transaction that Postgres gave up for another's sake: it can't be put in an order with the other, they wait for
/// each other, one has the lock, or it has the lock and has not gone on for long. None of them was committed.
const POSTGRES_OVERTAKEN: [&str; 4] = ["40001", "40P01", "55P03", "25P03"];

pub(super) fn is_overtaken(error: &DbErr) -> bool {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            code.is_some_and(|code| POSTGRES_OVERTAKEN.contains(&code.as_ref()))
        }
        _ => false,
    }
}

pub(super) fn is_passing(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => of_driver(error),
        _ => false,
    }
}

/// Whether a server is not there just now, or takes nobody: what waiting may mend, other than a wrong password or a
/// database that nobody made.
pub(super) fn is_away(error: &DbErr) -> bool {
    use sqlx::Error;
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return matches!(error, DbErr::ConnectionAcquire(_));
    };
    match error.as_ref() {
        Error::Database(error) => error.code().is_some_and(|code| POSTGRES_AWAY.iter().any(|of| code.starts_with(of))),
        // A certificate that does not fit, or whose file is not there, stays so.
        Error::Io(error) => !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::NotFound),
        Error::Protocol(_) | Error::PoolTimedOut => true,
        _ => false,
    }
}

/// Whether a server itself said so, and goes on: a connection that fails, whatever its error, says nothing of what the
/// server did.
pub(super) fn is_told(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = error else {
        return false;
    };
    matches!(inner.as_ref(), sqlx::Error::Database(_)) && !is_away(error)
}

fn of_driver(error: &sqlx::Error) -> bool {
    use sqlx::Error;
    match error {
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::BeginFailed
        | Error::WorkerCrashed => true,
        Error::Database(error) => error.code().is_some_and(|code| of_code(&code)),
        _ => false,
    }
}

/// Postgres's have five characters, SQLite's are numbers of at most four digits.
fn of_code(code: &str) -> bool {
    if code.len() == 5 {
        return POSTGRES.contains(&code) || POSTGRES_CLASSES.iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>().is_ok_and(|code| SQLITE.contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        // Also the extended codes: SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC.
        for passing in [
            "57P01", "57P03", "40001", "40P01", "08006", "53100", "25006", "42P01", "XX001", "5", "517", "13", "1034",
            "11",
        ] {
            assert!(of_code(passing), "{passing}");
        }
        // A unique key, a check, a column that is not there; SQLite's constraints and syntax.
        for lasting in ["23505", "23514", "42703", "22021", "2067", "1555", "1"] {
            assert!(!of_code(lasting), "{lasting}");
        }
        let cut = || std::io::Error::from(ErrorKind::BrokenPipe);
        assert!(of_driver(&sqlx::Error::Io(cut())));
        assert!(of_driver(&sqlx::Error::PoolTimedOut));
        assert!(!of_driver(&sqlx::Error::RowNotFound));
    }

    #[test]
    fn a_server_that_is_away_is_told_from_a_mistake() {
        let of = |kind| {
            let error = sqlx::Error::Io(std::io::Error::from(kind));
            is_away(&DbErr::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(error))))
        };
        assert!([ErrorKind::ConnectionRefused, ErrorKind::TimedOut, ErrorKind::UnexpectedEof].into_iter().all(of));
        // A certificate of somebody else, and one whose file is not there.
        assert!(![ErrorKind::InvalidData, ErrorKind::NotFound].into_iter().any(of));
        assert!(!is_away(&DbErr::Custom("no right".to_owned())));
    }

    /// Postgres has said what a transaction came to, or nobody knows: also where it is the encryption that broke.
    #[test]
    fn only_the_server_tells_what_it_did() {
        let of = |error| is_told(&DbErr::Query(RuntimeErr::SqlxError(std::sync::Arc::new(error))));
        for kind in [ErrorKind::InvalidData, ErrorKind::NotFound, ErrorKind::UnexpectedEof] {
            assert!(!of(sqlx::Error::Io(std::io::Error::from(kind))), "{kind}");
        }
        assert!(!of(sqlx::Error::Tls("damaged".into())) && !of(sqlx::Error::Protocol("?".to_owned())));
    }
}
