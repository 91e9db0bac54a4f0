//! Messages that are made of templates.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Error, Outbound, Request, Taken};
use crate::message::{ContentTemplate, MessageId};
use crate::store::{self, Idempotency, UsedTemplate};
use crate::templates::{Definition, Fault, Kept, Rendered};

/// What a caller wants a message made of.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub name: String,
    /// None is the current one.
    pub version: Option<u32>,
    /// None is that of the place the gateway works for.
    pub locale: Option<String>,
    pub variables: BTreeMap<String, Value>,
}

/// What a message was made of.
#[derive(Clone, Debug)]
pub struct Templated {
    pub(super) used: UsedTemplate,
    rendered: Rendered,
}

impl Templated {
    /// The provider's own template, unless somebody changed the text since.
    pub(super) fn content(&self, channel: &str, text: &str) -> Option<&ContentTemplate> {
        self.rendered.content.get(channel).filter(|_| self.rendered.text == text)
    }
}

impl Outbound {
    /// A version of a template that messages can be made of, or its current one.
    pub async fn template(&self, name: &str, version: Option<u32>) -> Result<(UsedTemplate, Definition), Error> {
        let fault =
            |pointer: &str, code: &str, detail: String| Error::Template(vec![Fault::new(pointer, code, detail)]);
        let Some(known) = self.0.store.template(name, version).await? else {
            return Err(match self.0.store.template(name, None).await? {
                None => fault("/name", "unknown-template", format!("there is no template `{name}`")),
                Some(known) => {
                    let detail = format!("`{name}` has no such version; the current one is {}", known.current);
                    fault("/version", "unknown-version", detail)
                }
            });
        };
        if known.archived_at.is_some() {
            let detail = format!("the template `{name}` was archived; saving a version brings it back");
            return Err(fault("/name", "archived-template", detail));
        }
        Ok((UsedTemplate { name: known.name, version: known.version }, definition(known.definition)?))
    }

    /// A version that something goes on with which was taken before, whatever became of the template since.
    pub async fn kept_template(
        &self,
        name: &str,
        version: Option<u32>,
    ) -> Result<Option<(UsedTemplate, Definition)>, store::Error> {
        let Some(known) = self.0.store.template(name, version).await? else { return Ok(None) };
        Ok(Some((UsedTemplate { name: known.name, version: known.version }, definition(known.definition)?)))
    }

    /// Takes a message that is made of a template. A call that was made before comes to what it came to then,
    /// whatever became of the template since.
    pub async fn submit_made(&self, mut request: Request, wish: Wish) -> Result<Taken, Error> {
        if let Some(before) = self.made_before(request.idempotency.as_ref()).await? {
            return Ok(Taken::before(before));
        }
        let (used, definition) = self.template(&wish.name, wish.version).await?;
        self.fill(&mut request, used, &definition, wish.locale.as_deref(), &wish.variables)?;
        self.submit(request).await
    }

    /// Makes the text of a message.
    pub fn fill(
        &self,
        request: &mut Request,
        used: UsedTemplate,
        definition: &Definition,
        locale: Option<&str>,
        variables: &BTreeMap<String, Value>,
    ) -> Result<(), Error> {
        let locale = locale.unwrap_or(&self.0.place.locale);
        let rendered = definition.render(Some(locale), variables, Kept::Defaults).map_err(Error::Template)?;
        request.text.clone_from(&rendered.text);
        request.template = Some(Templated { used, rendered });
        Ok(())
    }

    async fn made_before(&self, idempotency: Option<&Idempotency>) -> Result<Option<MessageId>, Error> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        self.called(idempotency).await
    }
}

impl Error {
    /// Somebody gave a variable where there is no template.
    pub fn no_template_for(variable: &str) -> Self {
        let detail = format!("there is no template that `{variable}` could be put into");
        Self::Template(vec![Fault::new(format!("/variables/{variable}"), "no-template", detail)])
    }
}

/// What was checked when it was saved.
fn definition(kept: Value) -> Result<Definition, store::Error> {
    serde_json::from_value(kept).map_err(|error| store::Error::Refused(format!("a template can't be read: {error}")))
}
