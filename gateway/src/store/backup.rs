//! A backup of an SQLite database while gateways work on it: one moment of it, in a file of its own.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbErr, Statement};
use serde::Serialize;

use super::connect::{self, Settings, Use};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "a Postgres server is backed up by its own tools: `pg_dump --format=custom --file=FILE URL`, and \
         `pg_restore --dbname=URL FILE` into an empty database"
    )]
    Server,
    #[error("there is no database {}", .0.display())]
    NoDatabase(PathBuf),
    #[error("{} is there already: name a file that is not", .0.display())]
    Taken(PathBuf),
    #[error("another backup to this file is under way ({} is locked)", .0.display())]
    UnderWay(PathBuf),
    #[error("what was written is not sound ({0}); the database may be damaged: `PRAGMA integrity_check` says more")]
    Unsound(String),
    #[error("{} can't be written: {source}", file.display())]
    Unwritable { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] super::Error),
}

impl From<DbErr> for BackupError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// A backup that is on disk, and was read through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupMade {
    pub file: PathBuf,
    pub bytes: u64,
}

/// Writes all that was committed when it begins to `file`, which must not be there. The file has its name only
/// once it is whole, checked and on disk.
pub async fn backup(settings: &Settings, file: &Path) -> Result<BackupMade, BackupError> {
    let database = connect::file_of(&settings.url).ok_or(BackupError::Server)?;
    if !database.is_file() {
        return Err(BackupError::NoDatabase(database.to_owned()));
    }
    if file.exists() {
        return Err(BackupError::Taken(file.to_owned()));
    }
    let partial = Partial::begin(file)?;
    match partial.fill(settings, file).await {
        Ok(bytes) => Ok(BackupMade { file: file.to_owned(), bytes }),
        Err(error) => {
            // The next one would begin it anew; what is left takes room.
            let _ = fs::remove_file(&partial.path);
            Err(error)
        }
    }
}

/// The file beside the one that it becomes, and the lock that keeps others from it.
struct Partial {
    path: PathBuf,
    lock: File,
}

impl Partial {
    fn begin(file: &Path) -> Result<Self, BackupError> {
        let mut path = file.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let opened = Self::open(&path).map_err(|source| BackupError::Unwritable { file: path.clone(), source })?;
        Self::take(opened, path, file)
    }

    fn open(path: &Path) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(path)
    }

    fn take(lock: File, path: PathBuf, file: &Path) -> Result<Self, BackupError> {
        let unwritable = |source| BackupError::Unwritable { file: path.clone(), source };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::UnderWay(path)),
            Err(TryLockError::Error(source)) => return Err(unwritable(source)),
        }
        // Whoever had it before the lock may have made it what it was to be.
        if file.exists() {
            return Err(BackupError::Taken(file.to_owned()));
        }
        let ours = lock.metadata().map_err(unwritable)?;
        if !fs::metadata(&path).is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            return Err(BackupError::UnderWay(path));
        }
        if ours.nlink() > 1 {
            // One that was cut off between its two names, and is somewhere else by now.
            fs::remove_file(&path).map_err(unwritable)?;
            let anew = Self::open(&path).map_err(unwritable)?;
            return Self::take(anew, path, file);
        }
        // What one that was cut off has left.
        lock.set_len(0).map_err(unwritable)?;
        Ok(Self { path, lock })
    }

    async fn fill(&self, settings: &Settings, file: &Path) -> Result<u64, BackupError> {
        let unwritable = |source| BackupError::Unwritable { file: file.to_owned(), source };
        let path = self.path.to_str().ok_or_else(|| unwritable(io::ErrorKind::InvalidFilename.into()))?;
        let connection = connect::connect(&settings.url, 1, Use::Writing).await?;
        let backend = connection.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, "VACUUM INTO $1", [path.into()]);
        connection.execute_raw(statement).await?;
        connection.close().await?;
        check(path).await?;
        let (partial, file_there) = (self.path.clone(), file.to_owned());
        let lock = self.lock.try_clone().map_err(unwritable)?;
        let settled = tokio::task::spawn_blocking(move || settle(&lock, &partial, &file_there)).await;
        settled.map_err(io::Error::other).flatten().map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Taken(file.to_owned()),
            _ => unwritable(source),
        })
    }
}

/// Reads all of it.
async fn check(path: &str) -> Result<(), BackupError> {
    let mut options = ConnectOptions::new(format!("sqlite://{path}?mode=ro"));
    connect::last(&mut options);
    let connection = Database::connect(options).await?;
    let backend = connection.get_database_backend();
    let statement = |sql: &str| Statement::from_string(backend, sql);
    let rows = connection.query_all_raw(statement("PRAGMA integrity_check")).await?;
    let said = rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<Vec<_>, _>>()?;
    if said != ["ok"] {
        return Err(BackupError::Unsound(said.join("; ")));
    }
    let lost = connection.query_all_raw(statement("PRAGMA foreign_key_check")).await?;
    if let Some(row) = lost.first() {
        let table: String = row.try_get_by_index(0)?;
        return Err(BackupError::Unsound(format!("{table} refers to what is not there")));
    }
    Ok(connection.close().await?)
}

/// On disk, then under its name, then the name on disk; it takes the place of nothing.
fn settle(written: &File, partial: &Path, file: &Path) -> io::Result<u64> {
    written.sync_all()?;
    let bytes = written.metadata()?.len();
    match fs::hard_link(partial, file) {
        Ok(()) => fs::remove_file(partial)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // Not every disk knows a second name for a file.
        Err(_) if !file.exists() => fs::rename(partial, file)?,
        Err(error) => return Err(error),
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_late_empties_no_backup_that_was_made_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let [partial, file] = ["backup.db.partial", "backup.db"].map(|name| folder.path().join(name));
        let take = |opened| Partial::take(opened, partial.clone(), &file).err().unwrap();
        let late = Partial::open(&partial).unwrap();
        fs::write(&partial, "whole").unwrap();
        settle(&late, &partial, &file).unwrap();
        let error = take(late.try_clone().unwrap());
        assert!(matches!(error, BackupError::Taken(_)), "{error}");
        // Its owner may have taken it elsewhere.
        let elsewhere = folder.path().join("elsewhere.db");
        fs::rename(&file, &elsewhere).unwrap();
        let error = take(late);
        assert!(matches!(error, BackupError::UnderWay(_)), "{error}");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "whole");
    }

    #[test]
    fn a_backup_whose_other_name_was_left_by_a_crash_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.db");
        let [partial, elsewhere] = ["backup.db.partial", "elsewhere.db"].map(|name| folder.path().join(name));
        fs::write(&partial, "whole").unwrap();
        fs::hard_link(&partial, &elsewhere).unwrap();
        let begun = Partial::begin(&file).unwrap();
        assert_eq!(fs::metadata(&begun.path).unwrap().len(), 0);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "whole");
    }
}
