//! The tokens that open the API, kept as hashes.
//!
//! A token is 256 random bits, so its plain SHA-256 gives nothing away: what makes the hash of a password slow and salted,
//! that people choose words which can be guessed, does not hold here (`docs/decisions/0008-tokens-as-plain-hashes.md`).

use super::access::Role;
use aws_lc_rs::{constant_time, digest, rand};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// What a token begins with, so that scanners for secrets, and people, know one when they see it.
pub const PREFIX: &str = "bw_";
/// What a hash begins with.
const HASHED: &str = "sha256:";
/// Random bytes of a token.
const RANDOM: usize = 32;
/// The largest file that is read, in bytes: thousands of tokens.
const FILE_MAX: u64 = 1 << 20;
/// The longest name, in bytes.
const NAME_MAX: usize = 64;

type Hash = [u8; 32];

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub name: Arc<str>,
    pub role: Role,
    hash: Hash,
}

/// All tokens of a file, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// Reads a file.
    ///
    /// # Errors
    /// Names the file and the line, says what is wrong and what to write. What stands in a line is not quoted but for the
    /// name: it may be a token.
    pub fn read(path: &Path) -> Result<Tokens, String> {
        let named = |why: &str| format!("cannot read the tokens of `{}`: {why}", path.display());
        let size = std::fs::metadata(path).map_err(|e| named(&e.to_string()))?.len();
        if FILE_MAX < size {
            return Err(named("it is larger than 1 MiB"));
        }
        let text = std::fs::read_to_string(path).map_err(|e| named(&e.to_string()))?;
        Tokens::parse(&text).map_err(|(line, why)| match line {
            0 => named(&why),
            line => format!("{}:{line}: {why}", path.display()),
        })
    }

    /// Reads the text of a file: a token a line, `#` for comments.
    ///
    /// # Errors
    /// With the line, 0 where it is of the whole.
    pub fn parse(text: &str) -> Result<Tokens, (usize, String)> {
        let (mut tokens, mut names) = (Vec::new(), BTreeSet::new());
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = Token::parse(line).map_err(|why| (number + 1, why))?;
            if !names.insert(Arc::clone(&token.name)) {
                return Err((number + 1, format!("two tokens are named `{}`: rename one of them", token.name)));
            }
            tokens.push(token);
        }
        if tokens.is_empty() {
            return Err((
                0,
                "it holds no token: make one with `bellwether token new NAME --role read --file FILE`".into(),
            ));
        }
        Ok(Tokens(tokens))
    }

    /// The one whose hash is that of this text. Each is compared, and each compared whole, so that the time it takes says
    /// nothing about what is kept.
    #[must_use]
    pub fn matching(&self, presented: &str) -> Option<&Token> {
        let hash = hash(presented);
        let mut found = None;
        for token in &self.0 {
            if constant_time::verify_slices_are_equal(&token.hash, &hash).is_ok() {
                found = Some(token);
            }
        }
        found
    }

    /// Whether one has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|token| &*token.name == name)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Token {
    /// `NAME ROLE sha256:HEX`.
    fn parse(line: &str) -> Result<Token, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[name, role, hash] = words.as_slice() else {
            return Err(
                "a line is `NAME ROLE sha256:HASH`, as `bellwether token new NAME --role read` prints it".into()
            );
        };
        check_name(name)?;
        let known = || format!("the role of `{name}` is none: write `read`, `silence` or `admin`");
        let role = Role::from_name(role).ok_or_else(known)?;
        if hash.starts_with(PREFIX) {
            return Err(format!(
                "`{name}` stands here with the token itself, not its hash: take the line out and make another token with \
                 `bellwether token new {name} --role {}`",
                role.name()
            ));
        }
        let bytes = hash.strip_prefix(HASHED).and_then(bytes_of);
        let bytes = bytes.ok_or_else(|| format!("the hash of `{name}` is not `{HASHED}` and 64 digits of 0-9 a-f"))?;
        Ok(Token { name: Arc::from(name), role, hash: bytes })
    }
}

/// Whether a token may be named so.
///
/// # Errors
/// Says what a name is.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if (1..=NAME_MAX).contains(&name.len()) && name.chars().all(fits) && !name.starts_with(PREFIX) {
        return Ok(());
    }
    // What is no name may be a token.
    Err(format!(
        "a name is of letters, digits, `-`, `_`, `.` and `@`, at most {NAME_MAX}, and does not begin with `{PREFIX}`"
    ))
}

/// A new token.
///
/// # Errors
/// Where the system has no randomness to give.
pub fn random() -> Result<String, String> {
    let mut bytes = [0; RANDOM];
    rand::fill(&mut bytes).map_err(|_| "the system gives no random numbers".to_owned())?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

/// The line of a token for the file, without its line break.
#[must_use]
pub fn line(name: &str, role: Role, token: &str) -> String {
    format!("{name} {} {HASHED}{}", role.name(), hex(&hash(token)))
}

fn hash(token: &str) -> Hash {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("a SHA-256 is 32 bytes")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

fn bytes_of(hex: &str) -> Option<Hash> {
    let digit = |c: u8| char::from(c).to_digit(16).filter(|_| !c.is_ascii_uppercase());
    let digits: Vec<u32> = hex.bytes().map(digit).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).filter_map(|two| u8::try_from(two[0] * 16 + two.get(1)?).ok()).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_and_nothing_else() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), PREFIX.len() + 2 * RANDOM);
        let text = format!("# ours\n\n{}\n  {}  \n", line("ci", Role::Read, &one), line("ana", Role::Admin, &other));
        assert!(!text.contains(&one[PREFIX.len()..]), "the file holds no token");
        let tokens = Tokens::parse(&text).unwrap();
        assert_eq!((tokens.count(), tokens.has("ci"), tokens.has("nobody")), (2, true, false));
        for (presented, want) in [
            (one.as_str(), Some(("ci", Role::Read))),
            (&other, Some(("ana", Role::Admin))),
            (&one[1..], None),
            ("", None),
            // The hash itself opens nothing.
            (line("x", Role::Read, &one).split(' ').next_back().unwrap(), None),
        ] {
            assert_eq!(tokens.matching(presented).map(|t| (&*t.name, t.role)), want);
        }
    }

    #[test]
    fn a_hash_that_differs_in_its_last_digit_is_another() {
        let right = line("x", Role::Read, "abc");
        let (head, last) = right.split_at(right.len() - 1);
        let other = Tokens::parse(&format!("{head}{}", if last == "0" { "1" } else { "0" })).unwrap();
        assert_eq!(other.matching("abc"), None);
        assert!(Tokens::parse(&right).unwrap().matching("abc").is_some());
    }

    /// FIPS 180-2, appendix B.1: whatever else makes such a hash (`sha256sum`) makes the same.
    #[test]
    fn the_hash_is_sha_256() {
        let want = "x read sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(line("x", Role::Read, "abc"), want);
    }

    #[test]
    fn a_broken_file_names_its_line_and_quotes_no_token() {
        let token = random().unwrap();
        let right = line("ci", Role::Read, &token);
        let hash = right.split(' ').next_back().unwrap();
        for (text, line, want) in [
            (String::new(), 0, "it holds no token"),
            ("# nothing\n".into(), 0, "it holds no token"),
            (format!("{right}\n{right}\n"), 2, "two tokens are named `ci`"),
            (format!("ci read {token}"), 1, "`ci` stands here with the token itself"),
            (format!("{token} read {hash}"), 1, "a name is of letters"),
            (format!("ci write {hash}"), 1, "write `read`, `silence` or `admin`"),
            (format!("ci {hash}"), 1, "a line is `NAME ROLE sha256:HASH`"),
            (token.clone(), 1, "a line is `NAME ROLE sha256:HASH`"),
            (format!("ci read {}", &hash[..hash.len() - 1]), 1, "the hash of `ci` is not"),
            (format!("ci read {}", hash.to_uppercase().replace("SHA256", "sha256")), 1, "the hash of `ci` is not"),
            (format!("ci read {}zz", &hash[..hash.len() - 2]), 1, "the hash of `ci` is not"),
        ] {
            let (at, why) = Tokens::parse(&text).unwrap_err();
            assert!(at == line && why.contains(want), "{text}\n{at}: {why}");
            assert!(!why.contains(&token[3..]), "{why}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Tokens::read(Path::new("no/such/tokens")).unwrap_err();
        assert!(error.contains("`no/such/tokens`"), "{error}");
    }
}
