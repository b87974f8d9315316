//! A text, taken from its beginning piece by piece.

use crate::{Invalid, Pattern};

/// A text has up to this many bytes.
pub const MAX_BYTES: usize = 2_048;

/// What is left of a text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the beginning.
    pub(crate) fn new(text: &'a str) -> Result<Self, Invalid> {
        if text.len() > MAX_BYTES {
            let at = text.floor_char_boundary(MAX_BYTES);
            let message = format!("{} bytes are too many: {MAX_BYTES} are allowed", text.len());
            return Err(Invalid::new(at, message));
        }
        Ok(Self { text, at: 0 })
    }

    /// The place, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Leaves out white space. Says whether anything follows.
    pub(crate) fn skip_space(&mut self) -> bool {
        self.at = self.text.len() - self.rest().trim_start().len();
        !self.rest().is_empty()
    }

    /// Whether this follows.
    pub(crate) fn is_at(&self, what: &str) -> bool {
        self.rest().starts_with(what)
    }

    /// Takes this, if it follows.
    pub(crate) fn take(&mut self, what: &str) -> bool {
        let there = self.is_at(what);
        if there {
            self.at += what.len();
        }
        there
    }

    /// Takes this word, if it follows and does not go on.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let there = self.peek_while(is_of_key) == word;
        there && self.take(word)
    }

    /// Takes as much as there is of these characters.
    pub(crate) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let taken = self.peek_while(belongs);
        self.at += taken.len();
        taken
    }

    fn peek_while(&self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(|character| !belongs(character)).unwrap_or(rest.len())]
    }

    /// The name of a field; empty where none follows.
    pub(crate) fn take_name(&mut self) -> &'a str {
        self.take_while(is_of_name)
    }

    /// A key of a map, with or without quotes.
    pub(crate) fn take_key(&mut self) -> Result<String, Invalid> {
        let at = self.at;
        if let Some(quoted) = self.take_quoted()? {
            let exact = quoted.as_exact().map(str::to_owned);
            return exact.ok_or_else(|| {
                Invalid::new(at, "a key has no wildcards: write a `*` that belongs to it as `\\*`")
            });
        }
        match self.take_while(is_of_key) {
            "" => Err(Invalid::new(at, format!("expected a key, {}", self.found()))),
            key => Ok(key.to_owned()),
        }
    }

    /// A value, with or without quotes.
    pub(crate) fn take_value(&mut self) -> Result<Pattern, Invalid> {
        if let Some(quoted) = self.take_quoted()? {
            return Ok(quoted);
        }
        let at = self.at;
        match self.peek_while(is_of_value) {
            "" | "AND" | "OR" | "NOT" => {
                let message = format!("expected a value, {}", self.found());
                Err(Invalid::new(at, message))
            }
            word => {
                self.at += word.len();
                pattern(at, word.char_indices().map(|(_, one)| (one, one == '*')))
            }
        }
    }

    /// Text in quotes, of either kind, if that follows.
    fn take_quoted(&mut self) -> Result<Option<Pattern>, Invalid> {
        let at = self.at;
        let Some(quote) = self.rest().chars().next().filter(|one| matches!(one, '"' | '\'')) else {
            return Ok(None);
        };
        let mut characters = Vec::new();
        let mut rest = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = rest.next() {
            match character {
                '\\' => match rest.next() {
                    Some((_, escaped @ ('"' | '\'' | '\\' | '*'))) => {
                        characters.push((escaped, false));
                    }
                    Some(_) => {
                        let message = "expected `\"`, `'`, `\\` or `*` after a `\\`";
                        return Err(Invalid::new(at + offset, message));
                    }
                    None => break,
                },
                _ if character == quote => {
                    self.at = at + offset + quote.len_utf8();
                    return pattern(at, characters.into_iter()).map(Some);
                }
                _ => characters.push((character, character == '*')),
            }
        }
        Err(Invalid::new(at, format!("expected a `{quote}` that closes this one")))
    }

    /// What stands here, for messages.
    pub(crate) fn found(&self) -> String {
        const MOST: usize = 40;
        let Some(first) = self.rest().chars().next() else {
            return "found the end".to_owned();
        };
        let word = self.peek_while(is_of_value);
        if word.is_empty() {
            return format!("found `{first}`");
        }
        let end = word.floor_char_boundary(MOST);
        let more = if end < word.len() { "..." } else { "" };
        format!("found `{}{more}`", &word[..end])
    }
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_of_key(character: char) -> bool {
    is_of_name(character) || matches!(character, '-' | '/' | '.')
}

fn is_of_value(character: char) -> bool {
    !character.is_whitespace()
        && !matches!(character, '(' | ')' | '"' | '\'' | '<' | '>' | '=' | '!' | ',' | '\\')
}

/// Of characters, each with whether it is a wildcard.
fn pattern(
    at: usize,
    characters: impl DoubleEndedIterator<Item = (char, bool)>,
) -> Result<Pattern, Invalid> {
    let mut characters: Vec<_> = characters.collect();
    let open_end = characters.pop_if(|(_, wildcard)| *wildcard).is_some();
    let open_start = characters.first().is_some_and(|(_, wildcard)| *wildcard);
    let text = &characters[usize::from(open_start)..];
    if text.iter().any(|(_, wildcard)| *wildcard) {
        let message = "expected `*` at the beginning or the end of a value only: in quotes \
                       write one that belongs to the text as `\\*`";
        return Err(Invalid::new(at, message));
    }
    let text: String = text.iter().map(|(character, _)| *character).collect();
    Ok(Pattern::open(open_start, text, open_end))
}
