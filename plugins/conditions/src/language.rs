//! Which language somebody writes.
//!
//! What is noted about the contact comes first: the attribute `language`, which people and other
//! plugins may set. Then what the text says of itself, by the words that are common in Spanish or in
//! English and not in both. Then what an earlier text said: a `1` from somebody who greeted in English
//! is English. Then the operator's default.

use recado_sdk::Conversation;
use recado_sdk::state::{self, Scope};

use crate::words::words;

/// The contact's attribute.
const ATTRIBUTE: &str = "language";
/// Where it is remembered what language a contact wrote last.
const KEY: &str = "language";

const SPANISH: &[&str] = &[
    "abren", "adios", "ahora", "algo", "aqui", "bien", "buen", "buena", "buenas", "bueno", "buenos", "cita", "como",
    "con", "cual", "cuando", "cuanta", "cuanto", "cuesta", "de", "del", "desde", "dia", "dias", "donde", "el", "ella",
    "en", "es", "esta", "estan", "estoy", "favor", "gracias", "hacen", "hasta", "hay", "hola", "horario", "hoy", "la",
    "las", "lo", "los", "manana", "mas", "mi", "muchas", "muy", "necesito", "noches", "nosotros", "para", "pero",
    "por", "porque", "precio", "puede", "pueden", "puedo", "que", "quien", "quiero", "quisiera", "se", "si", "su",
    "tambien", "tarde", "tardes", "tengo", "tiene", "tienen", "tu", "un", "una", "usted", "ustedes", "y", "ya", "yo",
];

const ENGLISH: &[&str] = &[
    "about",
    "am",
    "an",
    "and",
    "appointment",
    "are",
    "at",
    "but",
    "bye",
    "can",
    "could",
    "do",
    "does",
    "english",
    "evening",
    "for",
    "from",
    "get",
    "good",
    "have",
    "hello",
    "help",
    "hey",
    "hi",
    "how",
    "i",
    "if",
    "is",
    "it",
    "know",
    "like",
    "morning",
    "much",
    "my",
    "need",
    "not",
    "of",
    "on",
    "open",
    "or",
    "please",
    "price",
    "thank",
    "thanks",
    "that",
    "the",
    "there",
    "they",
    "this",
    "to",
    "today",
    "tomorrow",
    "want",
    "we",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "yes",
    "you",
    "your",
];

/// What the signs of Spanish alone are worth in words.
const SIGN: usize = 2;

/// The language of a text, if it is plainly Spanish or English.
pub fn detect(text: &str) -> Option<&'static str> {
    let signs = text.chars().filter(|sign| matches!(sign, '¿' | '¡' | 'ñ' | 'Ñ')).count();
    let (mut spanish, mut english) = (signs * SIGN, 0);
    for word in words(text) {
        spanish += usize::from(SPANISH.binary_search(&word.as_str()).is_ok());
        english += usize::from(ENGLISH.binary_search(&word.as_str()).is_ok());
    }
    match spanish.cmp(&english) {
        std::cmp::Ordering::Greater => Some("es"),
        std::cmp::Ordering::Less => Some("en"),
        std::cmp::Ordering::Equal => None,
    }
}

/// The language of somebody who wrote this text. Remembers what the text says.
pub fn of_person(text: &str, conversation: &Conversation, default: &str) -> Result<String, state::Failure> {
    if let Some(noted) = noted(conversation) {
        return Ok(noted);
    }
    let remembered = state::get(Scope::Contact, KEY)?;
    match detect(text) {
        Some(detected) => {
            if remembered.as_deref() != Some(detected) {
                state::set(Scope::Contact, KEY, detected)?;
            }
            Ok(detected.to_owned())
        }
        None => Ok(remembered.unwrap_or_else(|| primary(default))),
    }
}

/// The language of somebody who is written to.
pub fn known(conversation: Option<&Conversation>, default: &str) -> Result<String, state::Failure> {
    let Some(conversation) = conversation else { return Ok(primary(default)) };
    match noted(conversation) {
        Some(noted) => Ok(noted),
        None => Ok(state::get(Scope::Contact, KEY)?.unwrap_or_else(|| primary(default))),
    }
}

fn noted(conversation: &Conversation) -> Option<String> {
    conversation.contact.attribute(ATTRIBUTE).map(primary).filter(|language| !language.is_empty())
}

/// A language without its country: `es` of `es-MX`.
pub fn primary(tag: &str) -> String {
    tag.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use recado_sdk::testing::{Host, conversation};

    use super::*;

    #[test]
    fn the_lists_are_sorted_and_have_nothing_in_common() {
        assert!(SPANISH.is_sorted() && ENGLISH.is_sorted());
        assert_eq!(SPANISH.iter().filter(|word| ENGLISH.contains(word)).count(), 0);
        for word in SPANISH.iter().chain(ENGLISH) {
            assert_eq!(words(word), [*word], "as texts are compared");
        }
    }

    #[test]
    fn plain_texts_are_told_apart_and_others_are_not_guessed() {
        let cases = [
            ("Hola, ¿cuánto cuesta?", Some("es")),
            ("buenas tardes", Some("es")),
            ("quiero una cita para mañana", Some("es")),
            ("¿Precio?", Some("es")),
            ("SEÑOR", Some("es")),
            ("Hi, how much is it?", Some("en")),
            ("good morning", Some("en")),
            ("I need an appointment tomorrow", Some("en")),
            ("do you open on Sunday", Some("en")),
            ("hi, quiero una cita por favor", Some("es")),
            ("", None),
            ("1", None),
            ("ok", None),
            ("taxi", None),
            ("👍", None),
            ("hola hello", None),
            ("Bonjour", None),
        ];
        for (text, language) in cases {
            assert_eq!(detect(text), language, "{text:?}");
        }
    }

    #[test]
    fn what_is_noted_wins_then_the_text_then_the_text_before_then_the_default() {
        let mut host = Host::new();
        let mut ask = |text: &str, noted: Option<&str>| {
            let mut conversation = conversation();
            conversation.contact.attributes.extend(noted.map(|noted| ("language".to_owned(), noted.to_owned())));
            host.run(|| {
                (of_person(text, &conversation, "fr-CA").unwrap(), known(Some(&conversation), "fr-CA").unwrap())
            })
        };
        let both = |language: &str| (language.to_owned(), language.to_owned());
        assert_eq!(ask("1", None), both("fr"));
        assert_eq!(ask("good morning", None), both("en"));
        assert_eq!(ask("1", None), both("en"));
        assert_eq!(ask("gracias", None), both("es"));
        assert_eq!(ask("1", None), both("es"));
        assert_eq!(ask("gracias", Some("pt_BR")), both("pt"));
        assert_eq!(ask("1", Some(" ")), both("es"), "a note that says nothing is none");
        assert_eq!(known(None, "es-MX").unwrap(), "es");
    }
}
