//! The work that all guests do: a keyword looked for in what a person wrote.

/// What to answer, and how the conversation is labelled.
pub fn decide(text: &str) -> Option<(String, &'static str)> {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    words.into_iter().any(|word| matches!(word, "precio" | "precios" | "cuesta")).then(|| {
        (format!("Una consulta cuesta $450. Preguntaste: {}", text.trim()), "ventas")
    })
}
