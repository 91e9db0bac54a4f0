//! Which component a command is about, and how it is set up.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::{Context, Usage};
use crate::plugins::wasm::Engine;
use crate::plugins::{Settings, builtin, folder};

/// How a component that comes with Recado is named.
const BUILTIN: &str = "builtin:";

/// A component, read.
pub(super) struct Component {
    /// None for one that comes with Recado.
    pub(super) path: Option<PathBuf>,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Component {
    /// A file, the only one in a folder, or one that comes with Recado.
    pub(super) fn find(file: Option<&Path>) -> anyhow::Result<Self> {
        let file = file.unwrap_or(Path::new("."));
        if let Some(name) = file.to_str().and_then(|file| file.strip_prefix(BUILTIN)) {
            let bytes = builtin(name).ok_or_else(|| Usage(format!("there is no {BUILTIN}{name} in this Recado")))?;
            return Ok(Self { path: None, name: name.to_owned(), bytes: bytes.to_vec() });
        }
        let path = if file.is_dir() { only_one(file)? } else { file.to_owned() };
        let hint = "`recado plugin build` makes a component";
        let bytes = std::fs::read(&path).with_context(|| format!("{} can't be read; {hint}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path: Some(path), name, bytes })
    }

    /// As an operator set it up: in a file, or in the one beside the component, as in a gateway's folder
    /// of plugins.
    pub(super) fn settings(&self, context: &Context, file: Option<&Path>) -> anyhow::Result<Settings> {
        if let Some(file) = file
            && !file.is_file()
        {
            return Err(Usage(format!("--config: there is no file {}", file.display())).into());
        }
        let component = self.path.clone().unwrap_or_else(|| PathBuf::from(format!("{}.wasm", self.name)));
        let beside = self.path.as_ref().map(|path| path.with_extension("toml"));
        let mut settings = match file.or(beside.as_deref()) {
            Some(file) => folder::settings(&component, file).map_err(|error| {
                Usage(format!("{error}\n(what configures the plugin itself stands below `[config]` there)"))
            })?,
            None => Settings::new(self.name.clone(), format!("{BUILTIN}{}", self.name)),
        };
        let file = file.or(beside.as_deref()).unwrap_or(Path::new("settings")).display().to_string();
        let wrong = |(key, problem): (String, String)| Usage(format!("{file}: `{key}`: {problem}"));
        settings.resolve(|name| context.environment.get(name)).map_err(wrong)?;
        settings.check().map_err(wrong)?;
        Ok(settings)
    }
}

/// Keeps what it compiles where the user's other caches are, if that is known: an interpreter takes
/// seconds to compile.
pub(super) fn engine(context: &Context) -> anyhow::Result<Engine> {
    let environment = &context.environment;
    let caches = environment
        .get("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| environment.get("HOME").map(|home| Path::new(home).join(".cache")));
    let folder = caches.map(|caches| caches.join("recado/plugins"));
    Ok(Engine::keeping(folder.as_deref())?)
}

fn only_one(folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    found.sort();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => {
            let folder = folder.display();
            Err(Usage(format!("there is no component in {folder}; `recado plugin build` makes one")).into())
        }
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Usage(format!("which of these components? {}", names.join(", "))).into())
        }
    }
}
