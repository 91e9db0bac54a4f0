//! What was fetched, by its SHA-256: a file that has a name is whole and what its name says.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::plugins::component_file;

/// A folder of what was fetched.
pub(super) struct Kept<'a>(&'a Path);

impl<'a> Kept<'a> {
    pub(super) fn at(folder: &'a Path) -> Self {
        Self(folder)
    }

    /// What is kept under this digest. One that was changed is as good as none.
    pub(super) async fn get(&self, sha256: &str) -> Option<Vec<u8>> {
        let bytes = component_file::read(&self.path(sha256)).await.ok()?;
        (hex::encode(Sha256::digest(&bytes)) == sha256).then_some(bytes)
    }

    /// Keeps what has this digest: written elsewhere, flushed, renamed. Those who do it at once write the
    /// same, each to a file of its own.
    pub(super) async fn put(&self, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        tokio::fs::create_dir_all(self.0).await?;
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let incoming = self.0.join(format!("{sha256}.{}-{number}.part", std::process::id()));
        let mut file = tokio::fs::File::create(&incoming).await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        tokio::fs::rename(&incoming, self.path(sha256)).await?;
        tokio::fs::File::open(self.0).await?.sync_all().await
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.0.join(sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_what_its_name_says() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("deep/down");
        let kept = Kept::at(&below);
        let sha256 = hex::encode(Sha256::digest("hola"));
        assert_eq!(kept.get(&sha256).await, None);
        kept.put(&sha256, b"hola").await.unwrap();
        kept.put(&sha256, b"hola").await.unwrap();
        assert_eq!(kept.get(&sha256).await.as_deref(), Some(&b"hola"[..]));
        let names: Vec<_> = std::fs::read_dir(&below).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [sha256.as_str()]);
        std::fs::write(below.join(&sha256), "hol").unwrap();
        assert_eq!(kept.get(&sha256).await, None);
    }
}
