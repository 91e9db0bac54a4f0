//! A component's file, of which no more is read than a component may have: what is at a path may be
//! anything.

use std::path::Path;

use tokio::io::AsyncReadExt;

use super::wasm::MAX_COMPONENT_BYTES;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("it is not a file")]
    NotAFile,
    /// It has so many bytes, or more.
    #[error("it has {0} bytes; {MAX_COMPONENT_BYTES} are the most")]
    TooLarge(u64),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

pub(super) async fn read(path: &Path) -> Result<Vec<u8>, Error> {
    // Before it is opened: to open a pipe is to wait for who writes to it.
    let metadata = tokio::fs::metadata(path).await?;
    if !metadata.is_file() {
        return Err(Error::NotAFile);
    }
    let most = u64::try_from(MAX_COMPONENT_BYTES).unwrap_or(u64::MAX);
    if metadata.len() > most {
        return Err(Error::TooLarge(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // It may have grown since.
    let read = tokio::fs::File::open(path).await?.take(most + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > MAX_COMPONENT_BYTES {
        return Err(Error::TooLarge(u64::try_from(read).unwrap_or(u64::MAX)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(path: &Path) -> String {
        read(path).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn only_files_of_a_components_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        std::fs::write(&path, "hola").unwrap();
        assert_eq!(read(&path).await.unwrap(), b"hola");
        assert_eq!(told(folder.path()).await, "it is not a file");
        #[cfg(unix)]
        assert_eq!(told(Path::new("/dev/zero")).await, "it is not a file");
        assert!(told(&folder.path().join("gone.wasm")).await.contains("No such file"));
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(32 * 1024 * 1024).unwrap();
        assert_eq!(read(&path).await.unwrap().len(), 32 * 1024 * 1024);
        // More than there is memory for, if it were read: the file has holes only.
        file.set_len(1 << 40).unwrap();
        assert_eq!(told(&path).await, "it has 1099511627776 bytes; 33554432 are the most");
    }

    /// What says that it is empty, and is not: it is read up to the limit, and not beyond.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_longer_than_it_says_is_read_to_its_end() {
        let bytes = read(Path::new("/proc/self/status")).await.unwrap();
        assert!(bytes.starts_with(b"Name:"));
    }
}
