//! Tests of what is read, what is refused and where, and that nothing makes it panic or explode.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn refused(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(read(text.as_ref()).unwrap_err().to_string(), expected);
}

/// The same without places.
fn placeless(node: &Node) -> Node {
    let value = match &node.value {
        Value::Scalar { text, plain } => {
            // Nothing may be written in several ways.
            let text = if node.is_null() { String::new() } else { text.clone() };
            Value::Scalar { plain: *plain && is_special(&text), text }
        }
        Value::Sequence(items) => Value::Sequence(items.iter().map(placeless).collect()),
        Value::Mapping(entries) => Value::Mapping(
            entries
                .iter()
                .map(|(key, node)| {
                    let key = Key { at: Position::START, text: key.text.clone() };
                    (key, placeless(node))
                })
                .collect(),
        ),
    };
    Node { at: Position::START, value }
}

#[test]
fn every_part_knows_its_place() {
    let node = read("a:\n  - é: 1\n  - [x, 'y']\n".as_bytes()).unwrap();
    let (key, list) = &node.entries()[0];
    assert_eq!((key.text.as_str(), key.at), ("a", Position::START));
    let Value::Sequence(items) = &list.value else { panic!("{list:?}") };
    let (key, one) = &items[0].entries()[0];
    assert_eq!(
        (key.at, one.at),
        (Position { line: 2, column: 5 }, Position { line: 2, column: 8 })
    );
    let Value::Sequence(inner) = &items[1].value else { panic!("{items:?}") };
    assert_eq!(inner[1].at, Position { line: 3, column: 9 });
    assert_eq!(inner[1].as_text(), Some("y"));
}

#[test]
fn words_without_quotes_may_be_more_than_text() {
    let node =
        read(b"[1, 1.5, -3, .5, 0x1f, true, ~, null, '', '1', !!str 1, 1s, inf, e1, -, 1_0]");
    let Err(err) = &node else { panic!("a lone `-` is no word: {node:?}") };
    assert_eq!(err.at.line, 1);
    let node =
        read(b"[1, 1.5, -3, .5, 0x1f, true, ~, null, '', '1', !!str 1, 1s, inf, e1, 1_0]").unwrap();
    let Value::Sequence(items) = &node.value else { panic!("{node:?}") };
    let texts: Vec<_> = items.iter().filter_map(Node::as_text).collect();
    assert_eq!(texts, ["", "1", "1", "1s", "inf", "e1", "1_0"]);
    let found: Vec<_> = items.iter().take(9).map(Node::found).collect();
    let expected = [
        "the number `1`",
        "the number `1.5`",
        "the number `-3`",
        "the number `.5`",
        "the number `0x1f`",
        "the boolean `true`",
        "nothing",
        "nothing",
        "the string ``",
    ];
    assert_eq!(found, expected);
}

#[test]
fn words_stay_as_they_are_written_and_tags_make_texts() {
    let node = read(b"[!!str 1, ! 2, '0x1F', !!binary aGk=, 0o17, yes, 1.50, +.5]").unwrap();
    let Value::Sequence(items) = &node.value else { panic!("{node:?}") };
    let found: Vec<_> = items.iter().map(Node::found).collect();
    let expected = [
        "the string `1`",
        "the string `2`",
        "the string `0x1F`",
        "the string `aGk=`",
        "the number `0o17`",
        "the string `yes`",
        "the number `1.50`",
        "the number `+.5`",
    ];
    assert_eq!(found, expected);
    let node = read(b"a: &x {b: 007}\nc: *x\n").unwrap();
    assert_eq!(node.get("c").unwrap().get("b").unwrap().plain(), Some("007"));
}

#[test]
fn an_empty_file_holds_nothing() {
    for text in ["", "\n", "# only a comment\n", "---\n", "\u{feff}"] {
        assert!(read(text.as_bytes()).unwrap().is_null(), "{text:?}");
    }
}

#[test]
fn what_is_no_tree_of_words_is_refused_where_it_stands() {
    refused("a: 1\na: 2\n", "2:1: duplicate key `a`; first at 1:1");
    refused("a: 1\n---\nb: 1\n", "3:1: expected a single document");
    refused("? [a]\n: 1\n", "1:3: a key must be a plain string");
    refused("a: !secret x\n", "1:12: the tag `!secret` is not supported here");
    refused("&a [*a]", "1:5: an alias must not be inside its own anchor");
    refused(b"a: 1\nb: \xff", "2:4: this is not UTF-8 text");
    refused("x".repeat(300_000), "1:1: more than 262144 bytes");
    let deep = "[".repeat(40) + &"]".repeat(40);
    refused(deep, "1:33: more than 32 nested mappings and lists");
    assert_eq!(read(b"a: *nobody").unwrap_err().at, Position { line: 1, column: 4 });
    assert_eq!(read(b"a: 'open\n").unwrap_err().at.line, 1);
}

#[test]
fn aliases_are_taken_for_what_they_stand_for_and_cannot_explode() {
    let node = read(b"a: &x {b: 1}\nc: *x\n").unwrap();
    let alias = node.get("c").unwrap();
    assert_eq!(alias.at, Position { line: 2, column: 4 });
    assert_eq!(alias.get("b").unwrap().plain(), Some("1"));

    let mut wide = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        wide.extend(format!("a{level}: &a{level} [{inner}]\n").chars());
    }
    assert_eq!(
        read(wide.as_bytes()).unwrap_err().what,
        "too much data, with all that aliases stand for"
    );

    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        deep.extend(format!("a{level}: &a{level} [*a{}]\n", level - 1).chars());
    }
    assert_eq!(read(deep.as_bytes()).unwrap_err().what, "aliases nest too deeply");

    // Few values, but much text; and many that stay small.
    let long = |text: usize, aliases: usize| {
        format!("a: &x {}\nb: [{}]\n", "y".repeat(text), vec!["*x"; aliases].join(", "))
    };
    let refused = read(long(1000, 2000).as_bytes()).unwrap_err();
    assert_eq!(
        (refused.at.line, refused.what.as_str()),
        (2, "too much data, with all that aliases stand for")
    );
    assert!(read(long(10, 2000).as_bytes()).is_ok());
}

#[test]
fn a_change_keeps_everything_else() {
    let mut node = read(b"a: 1\nb: {c: x, d: [1, {e: 'f g'}]}\nh: {}\n").unwrap();
    node.set(&["b", "c"], None);
    node.set(&["no", "such"], None);
    node.set(&["n", "m"], Some(Node::text("7")));
    node.set(&["a", "inner"], Some(Node::text("\"\n\u{85}")));
    let expected = "a:\n  inner: \"\\\"\\n\\U00000085\"\nb:\n  d:\n    - 1\n    -\n      e: \"f g\"\nh: {}\nn:\n  m: \"7\"\n";
    assert_eq!(write(&node), expected);
}

fn tree() -> impl Strategy<Value = Node> {
    let scalar = (".{0,12}|[a-z:#{}\\[\\]&*!|>%@`'\", -]{0,8}|-|~|null|1.5|true", any::<bool>())
        .prop_map(|(text, plain)| {
            let plain = plain && is_special(&text);
            Node { at: Position::START, value: Value::Scalar { text, plain } }
        });
    scalar.prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Sequence);
        let mapping = prop::collection::btree_map(".{0,6}|[a-z-]{1,5}", inner, 0..4);
        let mapping = mapping.prop_map(|entries| {
            let key = |text| Key { at: Position::START, text };
            Value::Mapping(entries.into_iter().map(|(text, node)| (key(text), node)).collect())
        });
        prop_oneof![list, mapping].prop_map(|value| Node { at: Position::START, value })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(node in tree()) {
        let text = write(&node);
        let again = read(text.as_bytes());
        let again = again.map_err(|err| TestCaseError::fail(format!("{err} in {text:?}")))?;
        prop_assert_eq!(placeless(&again), placeless(&node), "{}", text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(read(&bytes));
    }

    #[test]
    fn no_text_of_yaml_characters_makes_it_panic(text in "[-a0 \n\t:#{}\\[\\]&*!|>%@`'\",?~.<]{0,60}") {
        drop(read(text.as_bytes()));
    }
}
