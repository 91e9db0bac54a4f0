//! `recado bulk send`

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::recipients::Recipients;
use super::{Send, counts, problem, text, without, word};
use crate::cli::call::Reach;
use crate::cli::{Context, Usage};

impl Send {
    pub(super) async fn run(&self, context: &Context, reach: &Reach, language: &str) -> anyhow::Result<()> {
        let file = self.file.display();
        let list = std::fs::read_to_string(&self.file).with_context(|| format!("{file} can't be read"))?;
        let recipients = Recipients::read(&list, self.template.is_some());
        let recipients = recipients.map_err(|problem| Usage(format!("{file}: {problem}")))?;
        let tried = self.try_out(&recipients, reach, language).await?;
        if self.dry_run {
            print(context, &recipients, &tried, format!("would come of it: {}", counts(&tried)));
            return fail_for(&tried, "get nothing, for what their lines say");
        }
        // Who mends the list afterwards and sends it again would send it to the others twice.
        if !self.skip_refused && refused(&tried) > 0 {
            print(context, &recipients, &tried, "nothing was sent now".to_owned());
            return fail_for(
                &tried,
                "would get nothing, so that nothing was sent now; mend their lines, or leave them out by --skip-refused",
            );
        }
        let body = self.body(&recipients);
        let (mut taken, before) = if self.again {
            (reach.post("/v1/bulks", &body, language).await?, false)
        } else {
            // A call whose answer was lost, or that somebody makes twice, sends nothing twice.
            let key = format!("recado-bulk-{}", hex::encode(Sha256::digest(body.to_string())));
            reach.post_once("/v1/bulks", &body, &key, language).await?
        };
        if before {
            let id = word(&taken, "id");
            bail!("this was sent before, as {id} (`recado bulk show {id}`); --again sends it once more");
        }
        let id: Uuid = word(&taken, "id").parse().context("the gateway took it, but gave it no id")?;
        taken["recipients"] = without(reach, id, language).await?.into();
        print(context, &recipients, &taken, text(&taken));
        if self.skip_refused { Ok(()) } else { fail_for(&taken, "get nothing, for what their lines say") }
    }

    /// What would come of it.
    async fn try_out(&self, recipients: &Recipients, reach: &Reach, language: &str) -> anyhow::Result<Value> {
        let mut body = self.body(recipients);
        body["dry_run"] = true.into();
        reach.post("/v1/bulks", &body, language).await
    }

    fn body(&self, recipients: &Recipients) -> Value {
        let template = self.template.as_ref().map(|name| {
            let variables: Map<String, Value> =
                self.variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "name": name, "locale": self.locale, "variables": variables })
        });
        let stem = || self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        json!({
            "name": self.name.clone().or_else(stem), "channel": self.channel, "text": self.text, "template": template,
            "send_at": self.when, "recipients": recipients.all, "dry_run": false,
        })
    }
}

/// What came of it, with the lines of those who get nothing.
fn print(context: &Context, recipients: &Recipients, came: &Value, last: String) {
    let mut came = came.clone();
    for one in came["recipients"].as_array_mut().into_iter().flatten() {
        one["line"] = json!(recipients.line(&one["position"]));
    }
    context.output.print(&came, || {
        let without = came["recipients"].as_array().into_iter().flatten();
        let lines = without.map(|one| format!("line {}: {}: {}", one["line"], word(one, "to"), problem(one)));
        lines.chain([last]).collect::<Vec<_>>().join("\n")
    });
}

fn refused(came: &Value) -> u64 {
    came["counts"]["refused"].as_u64().unwrap_or(0)
}

/// A failure if there are any who get nothing, but for those who are on the list twice.
fn fail_for(came: &Value, what: &str) -> anyhow::Result<()> {
    match refused(came) {
        0 => Ok(()),
        count => bail!("{count} of {} {what}", came["total"]),
    }
}
