//! The commands that the documents name are those that there are.

use clap::Parser;
use clap::error::ErrorKind;

use super::Cli;

const DOCUMENTS: [(&str, &str); 6] = [
    ("README.md", include_str!("../../../README.md")),
    ("config/recado.toml", crate::config::DEFAULTS),
    ("config/examples/api.md", include_str!("../../../config/examples/api.md")),
    ("gateway/SCALING.md", include_str!("../../SCALING.md")),
    ("plugins/README.md", include_str!("../../../plugins/README.md")),
    ("sdk/README.md", include_str!("../../../sdk/README.md")),
];

/// The words of a command as a shell has them, up to a comment or another command.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut any, mut quote) = (Vec::new(), String::new(), false, None);
    for sign in line.chars() {
        match (quote, sign) {
            (Some(open), _) if sign == open => quote = None,
            (None, '"' | '\'') => (quote, any) = (Some(sign), true),
            (None, ' ' | '\n') => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            (None, '#') if word.is_empty() => break,
            _ => word.push(sign),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

/// The commands of one line: `list|show` are two, and ID is one.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words: Vec<String> = words(line).into_iter().map(|word| word.replace(['…', '[', ']', '`'], "")).collect();
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let several = words.iter().find(|word| word.contains('|')).cloned().unwrap_or_default();
    let one = |choice: &str| -> Vec<String> {
        let put = |word: &String| match word.as_str() {
            "ID" => "0192f3a4-5b6c-7d8e-9f00-112233445566".to_owned(),
            _ if *word == several => choice.to_owned(),
            _ => word.clone(),
        };
        words.iter().map(put).collect()
    };
    several.split('|').map(one).collect()
}

#[test]
fn what_the_documents_call_can_be_called() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, document) in DOCUMENTS {
        let document = document.replace("\\\n", " ");
        let lines = document.lines().filter(|line| line.starts_with("recado "));
        // What is named in the text may be a part of a command.
        let named = document.split('`').filter(|span| span.starts_with("recado ") && !span.contains("\n\n"));
        let named = named.map(|span| span.replace("\n#", " "));
        let all = lines.map(|line| (line.to_owned(), true)).chain(named.map(|span| (span, false)));
        for (line, whole) in all {
            for command in commands(&line) {
                count += 1;
                let Err(error) = Cli::try_parse_from(&command) else { continue };
                let unknown = matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand);
                let shown = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                if unknown || (whole && !shown) {
                    wrong.push(format!("{name}: {}\n{error}", command.join(" ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 80, "{count} commands only");
}

#[test]
fn a_command_that_there_is_not_is_found() {
    let parsed = |line: &str| Cli::try_parse_from(&commands(line)[0]).map(|_| ()).map_err(|error| error.kind());
    assert_eq!(parsed("recado bulk show ID --watch   # until it is over"), Ok(()));
    assert_eq!(parsed("recado bulk shwo ID"), Err(ErrorKind::InvalidSubcommand));
    assert_eq!(parsed("recado bulk show ID --wathc"), Err(ErrorKind::UnknownArgument));
    assert_eq!(words("recado send --text \"a # b\" 'c d'"), ["recado", "send", "--text", "a # b", "c d"]);
    assert_eq!(commands("recado key list|revoke").len(), 2);
}
