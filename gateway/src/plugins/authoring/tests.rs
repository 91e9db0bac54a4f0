//! Building, from what is looked for to what is recorded.

use std::fs;

use super::*;

fn nowhere(folder: &Path) -> Options {
    let environment = Environment {
        path: folder.join("bin").into_os_string(),
        cargo_home: None,
        distribution: folder.join("usr/bin"),
    };
    Options { out: None, quiet: true, environment }
}

fn plugin(folder: &Path) -> PathBuf {
    let directory = folder.join("plugin");
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::write(directory.join("Cargo.toml"), "[package]\nname = \"plugin\"\n[workspace]\n").unwrap();
    fs::write(directory.join("src/lib.rs"), "").unwrap();
    directory
}

#[test]
fn a_folder_without_a_plugin_is_refused_before_anything_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let told = build(folder.path(), &nowhere(folder.path())).unwrap_err().to_string();
    assert!(told.contains("holds no plugin") && told.contains("package.json"), "{told}");
}

#[test]
fn without_a_compiler_both_remedies_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = build(&plugin(folder.path()), &nowhere(folder.path())).unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error}");
    let said = error.to_string();
    for words in ["there is no rustc", "rustup target add wasm32-unknown-unknown", "apt-get install rustc-web"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_another_language_needs_is_named_with_its_remedy() {
    for (files, remedy) in [
        (&[("package.json", "{}"), ("plugin.js", "")][..], "npm install --save-dev componentize-qjs"),
        (&[("pyproject.toml", ""), ("plugin.py", "")][..], ".venv/bin/pip install componentize-py"),
        (&[("plugin.c", "")][..], "apt-get install clang-19 lld-19 wasi-libc"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (path, contents) in files {
            fs::write(folder.path().join(path), contents).unwrap();
        }
        let told = build(folder.path(), &nowhere(folder.path())).unwrap_err().to_string();
        assert!(told.contains("is not installed") && told.contains(remedy), "{told}");
        assert!(matches!(check(folder.path(), &nowhere(folder.path())), Err(Error::Unrecorded { .. })));
    }
}

#[test]
fn the_components_that_are_shipped_are_fit_and_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let record = Record::read(&folder).unwrap();
    assert!(record.0.contains_key("auto-reply.wasm"));
    for component in record.0.keys() {
        check_component(&read(&folder.join(component)).unwrap()).unwrap();
    }
    assert_eq!(stale(&folder).unwrap(), Vec::<String>::new(), "`plugins/README.md` says how to build them anew");
}

#[cfg(unix)]
mod with_programs {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;

    /// A program can't be started while a file that is being written to is it; a process that
    /// starts elsewhere at that moment would hold it open. So these tests run one by one.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn program(path: &Path, body: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A pretended compiler in `bin`, with its files in `sysroot`.
    fn compiler(bin: &Path, sysroot: &Path, version: &str) {
        program(&bin.join("cargo"), "exit 1");
        answer(bin, sysroot, version);
    }

    /// The part of a compiler that says of itself what it is.
    fn answer(bin: &Path, sysroot: &Path, version: &str) {
        let sysroot = sysroot.display();
        let body = format!(
            "case $1 in -vV) echo 'rustc {version}'; echo 'host: here';; --print=sysroot) echo '{sysroot}';; esac"
        );
        program(&bin.join("rustc"), &body);
    }

    fn find(folder: &Path) -> Result<String, Missing> {
        Toolchain::find(folder, &nowhere(folder).environment).map(|toolchain| toolchain.name())
    }

    #[test]
    fn an_installed_library_is_taken_before_one_from_source() {
        let _alone = alone();
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        compiler(&at("bin"), &at("rustup"), "1.95.0");
        let said = find(folder.path()).unwrap_err().to_string();
        assert!(said.contains("bin/rustc has no standard library"), "{said}");

        compiler(&at("usr/bin"), &at("usr"), "1.96.0");
        let source = at("usr/lib/rustlib/src/rust/library/std");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("Cargo.toml"), "").unwrap();
        let said = find(folder.path()).unwrap_err().to_string();
        assert!(said.contains("usr/bin/rustc lacks a linker"), "{said}");

        // Either compiler's own linker serves both.
        program(&at("rustup/lib/rustlib/here/bin/rust-lld"), "echo 'LLD 22'");
        assert_eq!(find(folder.path()), Ok("rustc 1.96.0, its standard library from source, LLD 22".to_owned()));

        fs::create_dir_all(at("rustup/lib/rustlib/wasm32-unknown-unknown/lib")).unwrap();
        assert_eq!(find(folder.path()), Ok("rustc 1.95.0".to_owned()));
    }

    #[test]
    fn llvms_linker_serves_and_the_newest_wins() {
        let _alone = alone();
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        compiler(&at("usr/bin"), &at("usr"), "1.96.0");
        fs::create_dir_all(at("usr/lib/rustlib/src/rust/library/std")).unwrap();
        fs::write(at("usr/lib/rustlib/src/rust/library/std/Cargo.toml"), "").unwrap();
        for linker in ["wasm-ld", "wasm-ld-14", "wasm-ld-19"] {
            program(&at("bin").join(linker), &format!("echo '{linker}'"));
        }
        assert!(find(folder.path()).unwrap().ends_with("wasm-ld-19"));
    }

    #[test]
    fn what_a_compiler_complains_of_is_passed_on() {
        let _alone = alone();
        let folder = tempfile::tempdir().unwrap();
        program(&folder.path().join("bin/cargo"), "");
        program(&folder.path().join("bin/rustc"), "echo 'toolchain is not installed' >&2; exit 1");
        let said = find(folder.path()).unwrap_err().to_string();
        assert!(said.contains("toolchain is not installed"), "{said}");
    }

    /// A core module that becomes a component with these exports, all of them empty.
    fn module(exports: &[&str]) -> Vec<u8> {
        let given: Vec<_> = exports.iter().map(|name| format!("(export \"{name}\" (instance $empty))")).collect();
        let component = wat::parse_str(format!("(component (instance $empty) {})", given.concat())).unwrap();
        let wit_component::DecodedWasm::Component(resolve, world) = wit_component::decode(&component).unwrap() else {
            unreachable!("it is a component");
        };
        let mut module = wat::parse_str("(module)").unwrap();
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, encoding, false).unwrap();
        module
    }

    const CONTRACT: [&str; 2] = ["recado:plugin/about@0.1.0", "recado:plugin/inbound@0.1.0"];

    /// A folder with a toolchain that makes `module` of whatever it is given.
    fn workshop(module: &[u8]) -> (tempfile::TempDir, PathBuf, Options) {
        let folder = tempfile::tempdir().unwrap();
        let directory = plugin(folder.path());
        let (at, here) = (|path: &str| folder.path().join(path), folder.path().display());
        compiler(&at("bin"), &at("rustup"), "1.95.0");
        fs::create_dir_all(at("rustup/lib/rustlib/wasm32-unknown-unknown/lib")).unwrap();
        fs::write(at("module.wasm"), module).unwrap();
        let metadata = serde_json::json!({
            "packages": [{
                "name": "plugin", "manifest_path": directory.join("Cargo.toml"), "dependencies": [],
                "targets": [{ "name": "plugin", "crate_types": ["lib"] }],
            }],
            "workspace_root": directory, "target_directory": at("target"),
        });
        fs::write(at("metadata.json"), metadata.to_string()).unwrap();
        let made = format!("{here}/target/plugins/wasm32-unknown-unknown/release");
        let body = format!(
            "PATH=/usr/bin:/bin\ncase $1 in metadata) cat {here}/metadata.json;; \
             *) mkdir -p {made}; cp {here}/module.wasm {made}/plugin.wasm;; esac"
        );
        program(&at("bin/cargo"), &body);
        let options = nowhere(folder.path());
        (folder, directory, options)
    }

    #[test]
    fn a_crate_that_exports_nothing_is_told_so_and_nothing_is_written() {
        let _alone = alone();
        let (_folder, directory, options) = workshop(&module(&[]));
        assert!(matches!(build(&directory, &options), Err(Error::Unfit(Unfit::Exports { .. }))));
        assert!(!directory.join("plugin.wasm").exists());
        assert!(!directory.join(record::FILE).exists());
    }

    #[test]
    fn a_crate_that_does_not_compile_is_told_so() {
        let _alone = alone();
        let (folder, directory, options) = workshop(&module(&[]));
        let body = format!("test $1 = metadata && PATH=/bin cat {}/metadata.json", folder.path().display());
        program(&folder.path().join("bin/cargo"), &body);
        assert!(matches!(build(&directory, &options), Err(Error::Compile { .. })));
    }

    #[test]
    fn a_component_that_was_never_recorded_is_stale() {
        let _alone = alone();
        let (_folder, directory, options) = workshop(&module(&[]));
        let error = check(&directory, &options).unwrap_err();
        assert!(matches!(&error, Error::Stale(reason) if reason.contains("plugin.wasm is not recorded")), "{error}");
    }

    #[test]
    fn what_is_built_is_recorded_and_found_fresh() {
        let _alone = alone();
        let (folder, directory, options) = workshop(&module(&CONTRACT));
        let out = folder.path().join("built");
        fs::create_dir(&out).unwrap();
        let options = Options { out: Some(out.clone()), ..options };
        let built = build(&directory, &options).unwrap();
        assert_eq!(built.path, out.join("plugin.wasm"));
        assert_eq!(built.compiler, "rustc 1.95.0");
        let component = fs::read(&built.path).unwrap();
        assert_eq!((built.bytes, &built.sha256), (component.len(), &digest(&component)));
        let entry = Record::read(&out).unwrap().0.remove("plugin.wasm").unwrap();
        assert_eq!(entry.sources, ["../plugin"]);
        assert_eq!((entry.sha256, Some(entry.source_sha256)), (built.sha256, built.source_sha256));
        assert_eq!(stale(&out).unwrap(), Vec::<String>::new());
        assert!(matches!(check(&directory, &options), Ok(Verdict::Identical { .. })));
    }

    #[test]
    fn a_rebuild_must_come_to_the_same_bytes_only_with_the_same_compiler() {
        let _alone = alone();
        let (folder, directory, options) = workshop(&module(&CONTRACT));
        build(&directory, &options).unwrap();
        let mut other = module(&CONTRACT);
        // An empty custom section named `x`.
        other.extend([0, 2, 1, b'x']);
        fs::write(folder.path().join("module.wasm"), other).unwrap();
        let error = check(&directory, &options).unwrap_err();
        assert!(matches!(&error, Error::Stale(reason) if reason.contains("rustc 1.95.0")), "{error}");

        answer(&folder.path().join("bin"), &folder.path().join("rustup"), "1.99.0");
        let Ok(Verdict::OtherCompiler { recorded, used, .. }) = check(&directory, &options) else { panic!("refused") };
        assert_eq!((recorded.as_str(), used.as_str()), ("rustc 1.95.0", "rustc 1.99.0"));

        fs::write(folder.path().join("module.wasm"), module(&[])).unwrap();
        assert!(matches!(check(&directory, &options), Err(Error::Unfit(_))));
        fs::write(directory.join("src/lib.rs"), "// changed").unwrap();
        assert!(matches!(check(&directory, &options), Err(Error::Stale(_))));
    }
}
