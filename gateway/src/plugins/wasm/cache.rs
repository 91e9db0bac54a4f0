//! Compiled components on disk, so that a start need not compile what an earlier one did.
//!
//! Native code is read back and run as it is found: so the folder must be this user's own and closed
//! to all others, and so must be whose files are in it. An operator's files are never taken for
//! compiled code. What can't be read back, or was made by another version, is compiled anew.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use wasmtime::{Cache, CacheConfig};

/// The most bytes that are kept; the oldest go first.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// How deep what the cache keeps can lie.
const DEEPEST: u8 = 4;

/// The cache in this folder. None where it can't be used; the log says why, and all else works.
pub(super) fn open(folder: &Path) -> Option<Cache> {
    match try_open(folder) {
        Ok(cache) => Some(cache),
        Err(reason) => {
            let folder = folder.display();
            tracing::warn!(%folder, reason, "compiled plugins are not kept (`plugin_host.cache`)");
            None
        }
    }
}

fn try_open(folder: &Path) -> Result<Cache, String> {
    let text = |error: std::io::Error| error.to_string();
    let folder = std::path::absolute(folder).map_err(text)?;
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(text)?;
    }
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(text(error)),
        _ => check(&folder)?,
    }
    let mut config = CacheConfig::new();
    config.with_directory(folder).with_files_total_size_soft_limit(MOST_BYTES);
    Cache::new(config).map_err(|error| format!("{error:#}"))
}

/// Refuses what others could have written.
fn check(folder: &Path) -> Result<(), String> {
    let about = fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
    if about.mode() & 0o077 != 0 {
        return Err("others can reach into it; `chmod 700` it".to_owned());
    }
    check_owner(folder, DEEPEST)
}

fn check_owner(path: &Path, depth: u8) -> Result<(), String> {
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        // What is too old goes at any time.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("{} belongs to another user", path.display()));
    }
    if about.is_symlink() {
        return Err(format!("{} is a link", path.display()));
    }
    if !about.is_dir() || depth == 0 {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    entries.flatten().try_for_each(|entry| check_owner(&entry.path(), depth - 1))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn it_is_made_for_this_user_alone() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("data/cache/plugins");
        assert!(try_open(&folder).is_ok());
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        assert!(try_open(&folder).is_ok(), "again");
    }

    #[test]
    fn what_others_could_have_written_is_not_used() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("plugins");
        assert!(try_open(&folder).is_ok());
        for mode in [0o750, 0o701, 0o777] {
            allow(&folder, mode);
            assert!(try_open(&folder).unwrap_err().contains("others can reach into it"), "{mode:o}");
        }
        allow(&folder, 0o700);
        let inner = folder.join("modules/made-by");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("code"), "native").unwrap();
        assert!(try_open(&folder).is_ok());
        symlink(outer.path(), inner.join("link")).unwrap();
        assert!(try_open(&folder).unwrap_err().contains("link is a link"));
        fs::write(outer.path().join("file"), "").unwrap();
        assert!(open(&outer.path().join("file/plugins")).is_none(), "no folder can be there");
    }
}
