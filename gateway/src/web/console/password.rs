//! Passwords: what is stored of them, and whether one is right. Slow and large on purpose, so never on a thread
//! that others wait for, and few at a time.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The least characters of a password.
pub const SHORTEST_PASSWORD: usize = 10;
/// No longer one is looked at: hashing must not be work that anybody can make.
const LONGEST_PASSWORD: usize = 1024;
const LONGEST_NAME: usize = 40;
/// How many are looked at at the same time; each takes 19 MiB.
const AT_ONCE: usize = 2;

/// Why there is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a password needs {SHORTEST_PASSWORD} characters at least")]
    TooShort,
    #[error("a password may have {LONGEST_PASSWORD} bytes at the most")]
    TooLong,
    #[error("the password could not be hashed")]
    Failed,
}

/// Hashes and compares. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    room: Arc<Semaphore>,
    /// The hash of no password, for names that nobody has: it takes as long to look at.
    nobody: Arc<OnceLock<String>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_ONCE)), nobody: Arc::default() }
    }
}

impl Passwords {
    /// What is to be stored of a password. The salt is random.
    pub async fn hash(&self, password: String, salt: [u8; 24]) -> Result<String, Error> {
        if password.chars().count() < SHORTEST_PASSWORD {
            return Err(Error::TooShort);
        }
        if password.len() > LONGEST_PASSWORD {
            return Err(Error::TooLong);
        }
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| Error::Failed)?;
        let hashed = spawn_blocking(move || {
            // Until it is done, whether or not somebody still waits for it.
            let _permit = permit;
            hash(&password, &salt)
        });
        let hashed = hashed.await;
        hashed.ok().flatten().ok_or(Error::Failed)
    }

    /// Whether this is the password of which this is stored. With nothing stored it is not, after as long.
    pub async fn is_right(&self, password: String, stored: Option<String>) -> bool {
        if password.len() > LONGEST_PASSWORD {
            return false;
        }
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return false };
        let nobody = Arc::clone(&self.nobody);
        let compared = spawn_blocking(move || {
            let _permit = permit;
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| {
                nobody.get_or_init(|| hash("nobody has this one", &[0; 24]).unwrap_or_default()).clone()
            });
            verify(&password, &stored) && known
        });
        compared.await.unwrap_or(false)
    }
}

fn hash(password: &str, salt: &[u8]) -> Option<String> {
    let hashed: PasswordHash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt).ok()?;
    Some(hashed.to_string())
}

fn verify(password: &str, stored: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &stored).is_ok()
}

/// Whether somebody may be called that.
pub fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    let fits = name.chars().count() <= LONGEST_NAME;
    fits && characters.next().is_some_and(char::is_alphanumeric)
        && characters.all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_right_and_no_other() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correcta y larga".to_owned(), [7; 24]).await.unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(!stored.contains("correcta"));
        assert!(passwords.is_right("correcta y larga".to_owned(), Some(stored.clone())).await);
        for wrong in ["Correcta y larga", "", "correcta y larga "] {
            assert!(!passwords.is_right(wrong.to_owned(), Some(stored.clone())).await, "{wrong:?}");
        }
        assert!(!passwords.is_right("nobody has this one".to_owned(), None).await);
        assert_eq!(passwords.hash("nueve car".to_owned(), [7; 24]).await, Err(Error::TooShort));
        assert_eq!(passwords.hash("x".repeat(1025), [7; 24]).await, Err(Error::TooLong));
    }

    #[test]
    fn a_name_is_one_word() {
        for name in ["ana", "ana.pérez", "a-1", "Ñ_"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "ana pérez", ".ana", "<b>", "a\u{202e}b", &"a".repeat(41)] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
