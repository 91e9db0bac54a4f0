//! What a registry's manifest says of a component. Pure.

use serde::Deserialize;

use super::PullError;
use super::reference::sha256;

/// What is asked for; indexes, too, so that what is wrong with one can be said.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json";
/// What a layer is called that is a component: by today's tools, and by earlier ones.
const COMPONENTS: [&str; 2] = ["application/wasm", "application/vnd.wasm.content.layer.v1+wasm"];
/// The largest component that is fetched, in bytes.
pub(super) const LARGEST: u64 = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Descriptor>,
    manifests: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
    size: u64,
}

/// A component that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// Its SHA-256, in hex.
    pub(super) sha256: String,
    pub(super) size: usize,
}

/// The one component of a manifest.
pub(super) fn component(manifest: &[u8]) -> Result<Layer, PullError> {
    let malformed = |problem: String| PullError::Malformed { what: "the manifest", problem };
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(|error| malformed(error.to_string()))?;
    if manifest.manifests.is_some() {
        return Err(malformed("it is an index of several; name one of them by its digest".to_owned()));
    }
    let mut components = manifest.layers.iter().filter(|layer| COMPONENTS.contains(&layer.media_type.as_str()));
    let (Some(layer), None) = (components.next(), components.next()) else {
        let found: Vec<&str> = manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
        return Err(PullError::NoComponent { found: found.join(", ") });
    };
    if layer.size > LARGEST {
        return Err(PullError::TooLarge { size: layer.size });
    }
    let sha256 =
        sha256(&layer.digest).ok_or_else(|| malformed(format!("the digest {:?} is no sha256:…", layer.digest)))?;
    let size = usize::try_from(layer.size).map_err(|error| malformed(error.to_string()))?;
    Ok(Layer { sha256, size })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(layers: &Value) -> Result<Layer, String> {
        component(json!({ "schemaVersion": 2, "layers": layers }).to_string().as_bytes())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_one_component_is_found() {
        let hex = "ab".repeat(32);
        let digest = format!("sha256:{hex}");
        let layer = |kind: &str, size: u64| json!({ "mediaType": kind, "digest": digest, "size": size });
        let expected = Ok(Layer { sha256: hex, size: 7 });
        for kind in COMPONENTS {
            assert_eq!(read(&json!([layer("text/markdown", 1), layer(kind, 7)])), expected);
        }
        let wasm = |size| layer("application/wasm", size);
        let refused = [
            (json!([]), "no component"),
            (json!([layer("application/vnd.oci.image.layer.v1.tar+gzip", 7)]), "tar+gzip"),
            (json!([wasm(7), wasm(7)]), "application/wasm, application/wasm"),
            (json!([wasm(LARGEST + 1)]), "67108865 bytes"),
            (json!([{ "mediaType": "application/wasm", "digest": "sha256:../../etc", "size": 1 }]), "no sha256"),
            (json!([{ "mediaType": "application/wasm", "digest": digest, "size": -1 }]), "the manifest"),
        ];
        for (layers, problem) in refused {
            let said = read(&layers).unwrap_err();
            assert!(said.contains(problem), "{said}");
        }
        let index = component(br#"{"manifests": []}"#).unwrap_err().to_string();
        assert!(index.contains("name one of them"), "{index}");
        assert!(component(b"<html>").is_err());
    }
}
