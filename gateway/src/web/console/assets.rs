//! What pages need besides themselves: style, scripts, the icon. Embedded; kept by browsers until it changes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::trouble::Trouble;

struct Asset {
    kind: &'static str,
    text: &'static str,
    version: String,
}

static ASSETS: LazyLock<BTreeMap<&'static str, Asset>> = LazyLock::new(|| {
    let script = "text/javascript; charset=utf-8";
    let style = "text/css; charset=utf-8";
    let all = [
        ("console.css", style, include_str!("assets/console.css")),
        ("thread.css", style, include_str!("assets/thread.css")),
        ("console.js", script, include_str!("assets/console.js")),
        ("live.js", script, include_str!("assets/live.js")),
        ("htmx.js", script, include_str!("assets/htmx.min.js")),
        ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ];
    let asset = |(name, kind, text): (&'static str, &'static str, &'static str)| {
        let version = hex::encode(Sha256::digest(text.as_bytes())).chars().take(12).collect();
        (name, Asset { kind, text, version })
    };
    all.into_iter().map(asset).collect()
});

/// What is different when the asset is.
pub(super) fn version(name: &str) -> &'static str {
    ASSETS.get(name).map_or("", |asset| asset.version.as_str())
}

/// `GET /console/assets/{name}`: to anybody, since it is in the program.
pub(super) async fn one(Path(name): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Trouble> {
    let asset = ASSETS.get(name.as_str()).ok_or(Trouble::NotFound)?;
    let same = query.is_some_and(|query| query.strip_prefix("v=") == Some(&asset.version));
    let cache = if same { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ];
    Ok((StatusCode::OK, headers, asset.text).into_response())
}

#[cfg(test)]
mod tests {
    /// The policy would stop them, and the page would not be what it was meant to be.
    #[test]
    fn no_page_has_a_script_or_a_style_in_it() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/console/pages");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for line in text.lines() {
                assert!(!line.contains("style=") && !line.contains("<style"), "{line}");
                assert!(!line.contains(" onclick=") && !line.contains("javascript:"), "{line}");
                assert!(!line.contains("<script") || line.contains("src="), "{line}");
                assert!(!line.contains("|safe") && !line.contains("| safe"), "{line}");
            }
            seen += 1;
        }
        assert!(seen > 10, "{seen}");
    }
}
