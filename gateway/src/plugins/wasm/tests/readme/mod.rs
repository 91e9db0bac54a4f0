//! The examples of `plugins/README.md`, run as they stand: the shipped components with the settings
//! and the dialogues that are written there.

mod world;

use serde::Deserialize;

use self::world::{Sent, World};
use crate::plugins::wasm::Engine;
use crate::plugins::{Settings, load};

const README: &str = include_str!("../../../../../../plugins/README.md");

#[derive(Deserialize)]
struct Written {
    plugins: Vec<Settings>,
}

/// An example: its heading, its settings, its dialogue.
struct Example<'a> {
    heading: &'a str,
    settings: String,
    dialogue: Vec<&'a str>,
}

fn examples() -> Vec<Example<'static>> {
    let (mut found, mut heading, mut settings) = (Vec::new(), "", None);
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("### ") {
            heading = title;
        }
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match language {
            "toml" => settings = Some(block.join("\n")),
            "text" => {
                let settings = settings.take().expect("a dialogue follows its settings");
                found.push(Example { heading, settings, dialogue: block });
            }
            other => panic!("{heading}: a block of `{other}`"),
        }
    }
    assert!(settings.is_none(), "{heading}: settings without a dialogue");
    found
}

/// Goes through a dialogue. Every reply is written down, so one too many is as wrong as one missing.
async fn go_through(example: &Example<'_>, world: &mut World) {
    let mut replies: Vec<String> = Vec::new();
    let mut sent = None;
    let mut lines = example.dialogue.iter().peekable();
    while let Some(line) = lines.next() {
        let place = format!("{}: {line}", example.heading);
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match *words {
            [number, "<", reply] => {
                let mut reply = reply.to_owned();
                while let Some(more) = lines.next_if(|line| line.starts_with(&format!("{number} | "))) {
                    reply = format!("{reply}\n{}", more.splitn(3, ' ').last().unwrap());
                }
                assert!(!replies.is_empty(), "{place}: there is no reply");
                assert_eq!(replies.remove(0), reply, "{place}");
                continue;
            }
            [number, "=", expected] => {
                check(world, number, expected, sent.as_ref(), &place);
                continue;
            }
            _ => assert_eq!(replies, [""; 0], "before {place}"),
        }
        match *words {
            [number, ">", text] => replies = world.receive(number, text).await,
            [number, "<<", text] => sent = Some(world.send(number, text).await),
            [date, time] => world.set_time(date, time),
            _ => panic!("{place}: what does it mean?"),
        }
    }
    assert_eq!(replies, [""; 0], "at the end of {}", example.heading);
}

fn check(world: &mut World, number: &str, expected: &str, sent: Option<&Sent>, place: &str) {
    let conversation = world.conversation(number);
    match expected.split_once(": ").unwrap_or((expected, "")) {
        ("tags", tags) => assert_eq!(conversation.tags.join(", "), tags, "{place}"),
        ("assigned", name) => assert_eq!(conversation.assignee.as_deref(), Some(name), "{place}"),
        ("status", status) => assert_eq!(conversation.status.as_str(), status, "{place}"),
        ("attributes", attributes) => {
            let noted = conversation.contact.attributes.iter().map(|(name, value)| format!("{name} {value}"));
            assert_eq!(noted.collect::<Vec<_>>().join(", "), attributes, "{place}");
        }
        ("closed by a person", _) => world.close(number),
        ("rejected", reason) => assert_eq!(sent, Some(&Err(reason.to_owned())), "{place}"),
        (how, _) if how.starts_with("by ") => assert_eq!(sent, Some(&Ok(how.to_owned())), "{place}"),
        (other, _) => panic!("{place}: what does `{other}` mean?"),
    }
}

#[tokio::test]
async fn the_documented_examples_do_what_is_written() {
    let examples = examples();
    assert!(examples.len() >= 10, "{}", examples.len());
    for example in &examples {
        let written: Written =
            toml::from_str(&example.settings).unwrap_or_else(|error| panic!("{}: {error}", example.heading));
        let chain = load(&Engine::new().unwrap(), &written.plugins)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", example.heading));
        go_through(example, &mut World::new(chain)).await;
    }
}

/// The check would be worth nothing if it passed whatever is written.
#[tokio::test]
async fn a_dialogue_that_is_wrong_is_noticed() {
    let settings = "[[plugins]]\nname = \"a\"\ncomponent = \"builtin:auto-reply\"\nconfig = { text = \"Hola\" }\n";
    let dialogues: [&[&str]; 5] = [
        &["+525511111111 > hola"],
        &["+525511111111 > hola", "+525511111111 < Adiós"],
        &["+525511111111 > hola", "+525511111111 < Hola", "+525511111111 < Hola"],
        &["+525511111111 > hola", "+525511111111 < Hola", "+525511111111 = assigned: ana"],
        &["+525511111111 > hola", "+525511111111 < Hola", "nonsense"],
    ];
    let written: Written = toml::from_str(settings).unwrap();
    let chain = load(&Engine::new().unwrap(), &written.plugins).await.unwrap();
    for dialogue in dialogues {
        let mut world = World::new(chain.clone());
        let task = async move {
            let example = Example { heading: "wrong", settings: String::new(), dialogue: dialogue.to_vec() };
            go_through(&example, &mut world).await;
        };
        assert!(tokio::spawn(task).await.is_err(), "{dialogue:?}");
    }
}
