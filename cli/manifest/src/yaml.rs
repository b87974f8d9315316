//! YAML 1.2, of which JSON is a part, into nodes. Whatever comes, the work and the memory
//! that it takes are bounded: by the text's length, and by what a document is once its
//! aliases are written out.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::Problem;
use crate::node::{Content, Entry, Node};

/// The longest text that is read: some ten thousand documents.
pub const MAX_BYTES: usize = 16 << 20;

/// Of one document, aliases written out.
const MAX_NODES: usize = 20_000;
const MAX_DOCUMENT_BYTES: usize = 1 << 20;
/// A resource has no parts that are nested half as deep.
const MAX_DEPTH: usize = 32;

/// The documents of a text, each with its number; those that hold nothing are left out.
pub(crate) fn documents(text: &str) -> Result<Vec<(usize, Rc<Node>)>, Problem> {
    let mut builder = Builder { document: 1, ..Builder::default() };
    if text.len() > MAX_BYTES {
        return Err(builder.problem(1, format!("longer than {MAX_BYTES} bytes")));
    }
    let mut documents = Vec::new();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| {
            builder.problem(error.marker().line(), format!("not YAML: {}", error.info()))
        })?;
        let line = span.start.line();
        match event {
            Event::DocumentEnd => {
                let number = builder.document;
                documents.extend(builder.root.take().map(|root| (number, root)));
                builder = Builder { document: number + 1, ..Builder::default() };
            }
            event => builder.take(event, line)?,
        }
    }
    documents.retain(|(_, root)| !root.is_null());
    Ok(documents)
}

/// What of a document has been read.
#[derive(Default)]
struct Builder {
    document: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    nodes: usize,
}

/// A list or map that is not at its end.
struct Open {
    line: usize,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<Entry>, places: HashMap<String, usize>, key: Option<(String, usize)> },
}

impl Builder {
    fn problem(&self, line: usize, words: impl Into<String>) -> Problem {
        // Keys around the place say where it is, too.
        let keys = self.open.iter().filter_map(|open| match &open.parts {
            Parts::Map { key, .. } => key.as_ref().map(|(key, _)| key.as_str()),
            Parts::List(_) => None,
        });
        let path = keys.collect::<Vec<_>>().join(".");
        Problem { document: self.document, line, path, words: words.into() }
    }

    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Problem> {
        if event.tag().is_some() {
            return Err(self.problem(line, "a tag (`!...`): fields have their types from the API"));
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                let content = Content::Scalar { text: text.into_owned(), is_plain };
                self.add(line, content, anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => self.put(Rc::clone(node), line),
                None => Err(self.problem(line, "an alias of what it stands in itself")),
            },
            Event::SequenceStart(_, anchor, _) => self.open(line, anchor, Parts::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let (entries, places) = Default::default();
                self.open(line, anchor, Parts::Map { entries, places, key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { line, anchor, parts: Parts::List(items) }) => {
                    self.add(line, Content::List(items), anchor)
                }
                Some(Open { line, anchor, parts: Parts::Map { entries, .. } }) => {
                    self.add(line, Content::Map(entries), anchor)
                }
                None => Err(self.problem(line, "an end without a start")),
            },
            // Starts, and what is not asked for.
            _ => Ok(()),
        }
    }

    fn open(&mut self, line: usize, anchor: usize, parts: Parts) -> Result<(), Problem> {
        if let Some(Open { parts: Parts::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(self.problem(line, "a key that is a list or a map"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.problem(line, format!("nested deeper than {MAX_DEPTH}")));
        }
        self.open.push(Open { line, anchor, parts });
        Ok(())
    }

    fn add(&mut self, line: usize, content: Content, anchor: usize) -> Result<(), Problem> {
        self.nodes += 1;
        let node = Rc::new(Node::new(line, content));
        // 0 is none.
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node, line)
    }

    /// Puts a whole node where it belongs.
    fn put(&mut self, node: Rc<Node>, line: usize) -> Result<(), Problem> {
        let size = node.size;
        if self.nodes.max(size.nodes) > MAX_NODES || size.bytes > MAX_DOCUMENT_BYTES {
            let words = format!(
                "more than {MAX_NODES} values or {MAX_DOCUMENT_BYTES} bytes in one document"
            );
            return Err(self.problem(line, words));
        }
        if size.depth + self.open.len() > MAX_DEPTH {
            return Err(self.problem(line, format!("nested deeper than {MAX_DEPTH}")));
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.root = Some(node),
            Some(Parts::List(items)) => items.push(node),
            Some(Parts::Map { entries, places, key }) => match key.take() {
                Some((key, line)) => {
                    places.insert(key.clone(), line);
                    entries.push(Entry { key, line, value: node });
                }
                None => {
                    let Content::Scalar { text, is_plain } = &node.content else {
                        return Err(self.problem(line, "a key that is a list or a map"));
                    };
                    if *is_plain && text == "<<" {
                        return Err(self.problem(line, "a merge key (`<<`): write it out"));
                    }
                    if let Some(before) = places.get(text) {
                        let words = format!("`{text}` stands twice, first in line {before}");
                        return Err(self.problem(line, words));
                    }
                    *key = Some((text.clone(), line));
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As text: what is not quoted stands in angle brackets.
    fn shown(node: &Node) -> String {
        match &node.content {
            Content::Scalar { text, is_plain: true } => format!("<{text}>"),
            Content::Scalar { text, .. } => format!("{text:?}"),
            Content::List(items) => {
                format!("[{}]", items.iter().map(|item| shown(item)).collect::<Vec<_>>().join(" "))
            }
            Content::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| format!("{}@{}={}", entry.key, entry.line, shown(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn read(text: &str) -> Vec<(usize, String)> {
        let documents = documents(text).expect(text);
        documents.iter().map(|(number, root)| (*number, shown(root))).collect()
    }

    #[test]
    fn documents_are_nodes_with_their_lines() {
        let text =
            "# about\na: 1\nb:\n  - no\n  - 'no'\n---\n---\n{\"c\": \"x\\ny\",\n\t\"d\": {}}\n";
        assert_eq!(
            read(text),
            [
                (1, "{a@2=<1> b@3=[<no> \"no\"]}".to_owned()),
                (3, r#"{c@8="x\ny" d@9={}}"#.to_owned())
            ]
        );
        assert!(read("").is_empty() && read("# nothing\n---\n").is_empty());
    }

    #[test]
    fn what_stands_under_an_anchor_can_be_repeated() {
        assert_eq!(read("a: &x {b: 1}\nc: *x"), [(1, "{a@1={b@1=<1>} c@2={b@1=<1>}}".to_owned())]);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let wide = format!("a: [{}]", "x, ".repeat(MAX_NODES));
        let deep = format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
        let long = format!("a: &x {}\nb: [{}]", "y".repeat(1 << 19), "*x, ".repeat(3));
        let laughs = (1..9).fold("a0: &a0 [x]\n".to_owned(), |text, number| {
            let before = format!("*a{}, ", number - 1).repeat(9);
            format!("{text}a{number}: &a{number} [{before}]\n")
        });
        for (text, line, path, words) in [
            ("a: 1\nb:\n  c: 1\n  c: 2", 4, "b", "stands twice, first in line 3"),
            ("a: 1\n---\nb: {{c: 1}: 2}", 3, "b", "a key that is"),
            ("a:\n  <<: {b: 1}", 2, "a", "merge key"),
            ("a: !!binary eA==", 1, "a", "tag"),
            ("a: &x [*x]", 1, "a", "stands in itself"),
            ("a: *b", 1, "", "not YAML"),
            ("a: [1", 1, "", "not YAML"),
            ("a: 'x", 1, "", "not YAML"),
            (&wide, 1, "a", "more than"),
            (&long, 2, "b", "more than"),
            (&deep, 1, "", "deeper"),
            (&laughs, 6, "a5", "more than"),
        ] {
            let problem = documents(text).expect_err(words);
            assert!(problem.words.contains(words), "{problem}");
            assert!(problem.path.starts_with(path), "{problem}");
            assert!(problem.line >= line && problem.line <= line + 1, "{problem}");
        }
    }
}
