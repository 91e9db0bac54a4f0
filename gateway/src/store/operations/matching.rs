//! Whether a message that the provider lists is a part whose fate is unknown. Pure.
//!
//! Its text tells, as a rule. Not where the provider puts a text of its own in its place (a template) or
//! changes it (short links): such a part is told by everything else, and only if that leaves no choice.

use jiff::{SignedDuration, Timestamp};

use super::check::{Tries, began_at};
use super::millis;
use crate::message::{Options, segments};
use crate::store::entities::parts;
use crate::store::questions::{CLOCK_AHEAD, CLOCK_SKEW, Found};

/// An unknown part, and what of a list might be it.
pub(super) struct Unknown {
    pub(super) part: parts::Model,
    /// When it may have gone out first, in whole seconds as the provider's dates.
    began_at: i64,
    pub(super) way: Way,
    /// How often it may have gone out.
    pub(super) handed_over: i32,
    wording: Wording,
}

/// How a part may have gone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Request,
    Answer,
    /// It rode an answer that seemed lost, and was sent again.
    Either,
}

/// What becomes of a part's text at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wording {
    AsGiven,
    /// Its links are others.
    ShortLinks,
    /// The provider has it, and perhaps media too.
    Template,
}

impl Wording {
    fn of(part: &parts::Model) -> Self {
        let options: Option<Options> = part.options.clone().and_then(|options| serde_json::from_value(options).ok());
        match options {
            Some(options) if options.content.is_some() => Self::Template,
            Some(options) if options.shorten_urls == Some(true) => Self::ShortLinks,
            _ => Self::AsGiven,
        }
    }
}

impl Unknown {
    pub(super) fn new(part: parts::Model, tries: Tries) -> Self {
        let way = match (part.attempts > tries.count, tries.count) {
            (false, _) => Way::Request,
            (true, 0) => Way::Answer,
            (true, _) => Way::Either,
        };
        let began_at = began_at(&part, tries) / 1000 * 1000;
        let handed_over = part.attempts - tries.refused;
        Self { began_at, wording: Wording::of(&part), handed_over, part, way }
    }

    /// Whether a list that goes back to a moment holds it, if the provider has it.
    pub(super) fn is_covered(&self, since: Timestamp) -> bool {
        self.began_at.saturating_sub(length(CLOCK_AHEAD)) >= millis(since)
    }

    /// Whether it might be this one, whatever the text says.
    pub(super) fn may_be(&self, found: &Found) -> bool {
        self.goes_the_way_of(found) && self.is_of_its_time(found)
    }

    /// Whether it might be this one if our clock was ahead: of what is older, the text tells as far as it can. Where it
    /// tells nothing, only the service makes it likely: else whatever anybody sent this recipient would do.
    pub(super) fn may_be_misdated(&self, found: &Found) -> bool {
        let wording = match self.wording {
            Wording::AsGiven => self.has_media_of(found) && says(&self.part.text, &found.text),
            Wording::ShortLinks => self.has_media_of(found) && says_but_for_links(&self.part.text, &found.text),
            Wording::Template => self.part.service.is_some() && self.is_of_its_service(found),
        };
        // A list that was read for an older part, too, goes back further than this one's clock may have been ahead.
        let is_near = millis(found.created_at) >= self.began_at.saturating_sub(length(CLOCK_AHEAD));
        wording && is_near && self.goes_the_way_of(found) && !self.is_of_its_time(found)
    }

    fn goes_the_way_of(&self, found: &Found) -> bool {
        match self.way {
            Way::Request => !found.reply,
            Way::Answer => found.reply,
            Way::Either => true,
        }
    }

    fn is_of_its_time(&self, found: &Found) -> bool {
        millis(found.created_at) >= self.began_at.saturating_sub(length(CLOCK_SKEW))
    }

    fn is_of_its_service(&self, found: &Found) -> bool {
        self.part.service.as_ref().is_none_or(|service| found.service.as_ref() == Some(service))
    }

    /// Whether it is this one by its text.
    pub(super) fn is(&self, found: &Found) -> bool {
        self.wording != Wording::Template && self.may_be(found) && self.has_media_of(found) && {
            says(&self.part.text, &found.text)
        }
    }

    /// Whether it is like this one in all that is known of a part whose text does not tell.
    fn is_like(&self, found: &Found) -> bool {
        let end = self.part.unknown_at.unwrap_or(i64::MAX).saturating_add(length(CLOCK_SKEW));
        let wording = match self.wording {
            Wording::AsGiven => false,
            Wording::ShortLinks => self.has_media_of(found) && says_but_for_links(&self.part.text, &found.text),
            // Media of the template are not known here.
            Wording::Template => true,
        };
        wording && self.is_of_its_service(found) && self.may_be(found) && millis(found.created_at) <= end
    }

    fn has_media_of(&self, found: &Found) -> bool {
        let media = self.part.media.as_array().map_or(0, Vec::len);
        usize::try_from(found.media) == Ok(media)
    }

    /// Whether it does not matter which of the two a message is given to.
    fn equals(&self, other: &Self) -> bool {
        let said = |part: &parts::Model| (part.text.clone(), part.media.clone(), part.options.clone());
        self.wording != Wording::AsGiven && said(&self.part) == said(&other.part)
    }

    /// Whether nobody could say that it is not this one.
    fn can_be(&self, found: &Found) -> bool {
        match self.wording {
            Wording::AsGiven => self.may_be(found),
            Wording::ShortLinks | Wording::Template => self.is_like(found),
        }
    }
}

/// Which message a part is whose text does not tell, by its place among the free ones: the oldest that is
/// like it, if all that are like it can be no others than parts equal to it.
pub(super) fn only_choice(unknown: &Unknown, others: &[&Unknown], free: &[&Found]) -> Option<usize> {
    let like: Vec<usize> = (0..free.len()).filter(|&index| unknown.is_like(free[index])).collect();
    let (equal, other): (Vec<&Unknown>, Vec<&Unknown>) = others.iter().partition(|other| other.equals(unknown));
    let contested = |&index: &usize| other.iter().any(|other| other.can_be(free[index]));
    let first = *like.first()?;
    (like.len() <= equal.len() + 1 && !like.iter().any(contested)).then_some(first)
}

/// Whether a provider that was given this text lists it so: as it is, or smart-encoded.
fn says(text: &str, listed: &str) -> bool {
    let plain = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
    let (text, listed) = (plain(text), plain(listed));
    text == listed || segments::smart_editions(&text).any(|smart| plain(&smart) == listed)
}

/// The same, but that each link may have become another one.
fn says_but_for_links(text: &str, listed: &str) -> bool {
    let alike = |text: &str| {
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            (text.split_whitespace().collect(), listed.split_whitespace().collect());
        let word = |(ours, theirs): (&&str, &&str)| ours == theirs || (is_link(ours) && is_link(theirs));
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(word)
    };
    alike(text) || segments::smart_editions(text).any(|smart| alike(&smart))
}

fn is_link(word: &str) -> bool {
    word.contains("https://") || word.contains("http://")
}

fn length(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_in_every_edition_of_smart_encoding() {
        let cases = [
            ("Hola", "Hola", true),
            (" Hola\r\nAna ", "Hola\nAna", true),
            ("Dijo “hola”…", "Dijo \"hola\"...", true),
            ("‹Hola›", ">Hola<", true),
            ("‹Hola›", "<Hola>", true),
            ("‹Hola›", "‹Hola›", true),
            ("a‗b", "a_b", true),
            ("a‗b", "a'b", true),
            ("Hola", "hola", false),
            ("‹Hola›", "(Hola)", false),
        ];
        for (text, listed, expected) in cases {
            assert_eq!(says(text, listed), expected, "{text:?} {listed:?}");
        }
    }

    #[test]
    fn links_alone_may_be_others() {
        let cases = [
            ("Su pedido: https://example.mx/17 va", "Su pedido: https://s.mx/aB3 va", true),
            ("Su “pedido”: https://example.mx/17", "Su \"pedido\": https://s.mx/aB3", true),
            ("https://example.mx/17", "https://example.mx/17", true),
            ("Su pedido: https://example.mx/17 va", "Su pago: https://s.mx/aB3 va", false),
            ("Su pedido: https://example.mx/17", "Su pedido: aqui", false),
            ("Su pedido: https://example.mx/17", "Su pedido: https://s.mx/aB3 https://s.mx/aB4", false),
        ];
        for (text, listed, expected) in cases {
            assert_eq!(says_but_for_links(text, listed), expected, "{text:?} {listed:?}");
        }
    }
}
