//! WHO MAY ASK WHAT. Each route names the role it needs; a request has the role of the token it brings, or the one that
//! where it comes from gives.

use super::guard::is_by_address;
use super::tokens::Tokens;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

/// What somebody may do; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Whoever reaches the port. No token has it.
    Anyone,
    /// Sees alerts, checks, status and metrics.
    Read,
    /// Decides what people are told: makes and ends silences, and sends alerts, which begins and ends them.
    Silence,
    /// Reloads, resets breakers, sends drills.
    Admin,
}

impl Role {
    /// A role that a token may have.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Role> {
        [Role::Read, Role::Silence, Role::Admin].into_iter().find(|role| role.name() == name)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Anyone => "anyone",
            Role::Read => "read",
            Role::Silence => "silence",
            Role::Admin => "admin",
        }
    }
}

/// Who sent a request, as the connection says: no header is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// Whether the request comes from this machine, and was neither passed on by a proxy that says so nor sent to a name:
    /// who is at this machine asks by address, a proxy passes on the name that it has, and a page of somebody else's that
    /// made its own name point here has that one.
    #[must_use]
    pub fn is_local(self, headers: &HeaderMap) -> bool {
        self.0.is_loopback() && is_by_address(headers) && !headers.keys().any(|name| is_forwarding(name.as_str()))
    }
}

/// The token that a request was let in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Arc<str>);

/// What holds until the next reload.
#[derive(Debug, Default)]
pub struct Rules {
    /// `None`: no file is named.
    pub tokens: Option<Tokens>,
    /// Whether reading needs no token, wherever the request is from: `server.open`.
    pub open: bool,
    /// Whether `server.url` says that people come through a proxy, which may pass strangers on as this machine.
    pub proxied: bool,
}

/// The rules as they are now. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Access(Arc<RwLock<Arc<Rules>>>);

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It brought a token that is none.
    WrongToken,
    /// It brought none, and this role is needed.
    NoToken(String),
    /// Its token has another role.
    Role(String),
}

impl Access {
    #[must_use]
    pub fn new(rules: Rules) -> Access {
        Access(Arc::new(RwLock::new(Arc::new(rules))))
    }

    /// From now on these hold.
    pub fn adopt(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a request may have what needs this role; with which token, where it brought one.
    ///
    /// # Errors
    /// Says why not, and what to do.
    pub fn admits(&self, peer: Option<Peer>, headers: &HeaderMap, needs: Role) -> Result<Option<Caller>, Refusal> {
        if needs == Role::Anyone {
            return Ok(None);
        }
        let rules = self.rules();
        let local = peer.is_some_and(|peer| peer.is_local(headers));
        let by_place = rules.by_place(local);
        let Some((tokens, presented)) = rules.tokens.as_ref().zip(presented(headers)) else {
            return if needs <= by_place { Ok(None) } else { Err(Refusal::NoToken(rules.advice(local, needs))) };
        };
        let token = tokens.matching(&presented).ok_or(Refusal::WrongToken)?;
        if needs <= token.role.max(by_place) {
            return Ok(Some(Caller(Arc::clone(&token.name))));
        }
        Err(Refusal::Role(format!(
            "this needs the role `{}`, and the role of `{}` is `{}`",
            needs.name(),
            token.name,
            token.role.name()
        )))
    }
}

impl Rules {
    /// What a request without a token may do.
    fn by_place(&self, local: bool) -> Role {
        match &self.tokens {
            None if local => Role::Admin,
            Some(_) if local && !self.proxied => Role::Read,
            _ if self.open => Role::Read,
            _ => Role::Anyone,
        }
    }

    fn advice(&self, local: bool, needs: Role) -> String {
        if self.tokens.is_none() {
            return "from elsewhere than this machine nothing may be had while there are no tokens: set \
                    `server: { tokens_file: tokens }`"
                .to_owned();
        }
        let why = if local && self.proxied && needs == Role::Read {
            ", from this machine too, as `server.url` says that a proxy passes requests on"
        } else {
            ""
        };
        format!("this needs a token of the role `{}`{why}: send `Authorization: Bearer TOKEN`", needs.name())
    }
}

/// Headers that proxies add. None is believed, but that one is there says that the sender is not the peer.
fn is_forwarding(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || [
            "forwarded",
            "via",
            "x-real-ip",
            "x-client-ip",
            "x-original-forwarded-for",
            "cf-connecting-ip",
            "true-client-ip",
        ]
        .contains(&name)
}

/// The token of a request: `Bearer TOKEN`, or the password of `Basic`, whose user name is not asked. A header that cannot be
/// read is a token that is none.
fn presented(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or("");
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        let login = from_base64(rest).unwrap_or_default();
        return Some(login.split_once(':').map_or_else(String::new, |(_, password)| password.to_owned()));
    }
    Some(if scheme.eq_ignore_ascii_case("bearer") { rest.to_owned() } else { String::new() })
}

/// Base 64 (RFC 4648, section 4), of UTF-8.
fn from_base64(text: &str) -> Option<String> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if 8 <= count {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tokens;
    use axum::http::HeaderValue;

    const FROM: [(&str, &[(&str, &str)]); 5] = [
        ("127.0.0.1", &[("host", "127.0.0.1:9600")]),
        ("::1", &[("host", "localhost"), ("user-agent", "x")]),
        ("127.0.0.1", &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")]),
        ("192.0.2.7", &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")]),
        ("127.0.0.1", &[("host", "bell.example")]),
    ];

    fn headers(of: &[(&str, &str)]) -> HeaderMap {
        of.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_str(v).unwrap())).collect()
    }

    fn tokens() -> Tokens {
        let lines = [(Role::Read, "r"), (Role::Silence, "s"), (Role::Admin, "a")]
            .map(|(role, token)| tokens::line(role.name(), role, token));
        Tokens::parse(&lines.join("\n")).unwrap()
    }

    /// What each role's request comes to: `+` let in, `w` a wrong token, `t` a token is needed, `r` another role is.
    fn answers(rules: Rules, from: usize, authorization: &str) -> String {
        let access = Access::new(rules);
        let (peer, with) = FROM[from];
        let mut headers = headers(with);
        if !authorization.is_empty() {
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        let answer = |needs| match access.admits(Some(Peer(peer.parse().unwrap())), &headers, needs) {
            Ok(_) => '+',
            Err(Refusal::WrongToken) => 'w',
            Err(Refusal::NoToken(_)) => 't',
            Err(Refusal::Role(_)) => 'r',
        };
        [Role::Anyone, Role::Read, Role::Silence, Role::Admin].map(answer).iter().collect()
    }

    #[test]
    fn a_request_has_the_role_of_its_place_and_of_its_token() {
        let rules = |tokens, open, proxied| Rules { tokens, open, proxied };
        // from here, from here by the other family, through a proxy, from elsewhere, by name
        for (name, tokens, open, proxied, authorization, want) in [
            ("no tokens", None, false, false, "", ["++++", "++++", "+ttt", "+ttt", "+ttt"]),
            ("no tokens, one is sent", None, false, false, "Bearer x", ["++++", "++++", "+ttt", "+ttt", "+ttt"]),
            ("no tokens, open", None, true, false, "", ["++++", "++++", "++tt", "++tt", "++tt"]),
            ("no tokens, a url", None, false, true, "", ["++++", "++++", "+ttt", "+ttt", "+ttt"]),
            ("none", Some(tokens()), false, false, "", ["++tt", "++tt", "+ttt", "+ttt", "+ttt"]),
            ("none, a url", Some(tokens()), false, true, "", ["+ttt", "+ttt", "+ttt", "+ttt", "+ttt"]),
            ("none, open", Some(tokens()), true, false, "", ["++tt", "++tt", "++tt", "++tt", "++tt"]),
            ("none, open, a url", Some(tokens()), true, true, "", ["++tt", "++tt", "++tt", "++tt", "++tt"]),
            ("wrong", Some(tokens()), true, false, "Bearer x", ["+www"; 5]),
            ("unknown scheme", Some(tokens()), true, false, "Digest r", ["+www"; 5]),
            ("empty", Some(tokens()), true, false, "Bearer", ["+www"; 5]),
            ("read", Some(tokens()), false, false, "Bearer r", ["++rr"; 5]),
            ("silence", Some(tokens()), false, false, "bearer  s", ["+++r"; 5]),
            ("admin", Some(tokens()), false, true, "Bearer a", ["++++"; 5]),
            ("admin by Basic", Some(tokens()), false, false, "Basic YW55b25lOmE=", ["++++"; 5]),
            ("Basic without a password", Some(tokens()), false, false, "Basic YQ==", ["+www"; 5]),
            ("Basic that is none", Some(tokens()), false, false, "Basic !", ["+www"; 5]),
        ] {
            for (from, want) in want.into_iter().enumerate() {
                let answers = answers(rules(tokens.clone(), open, proxied), from, authorization);
                assert_eq!(answers, want, "{name}, from {:?}", FROM[from]);
            }
        }
    }

    #[test]
    fn a_request_whose_sender_is_not_known_is_nobodys() {
        let refused = Access::default().admits(None, &HeaderMap::new(), Role::Read);
        assert!(matches!(refused, Err(Refusal::NoToken(_))));
    }

    #[test]
    fn new_rules_hold_at_once() {
        let access = Access::default();
        let (peer, none) = (Some(Peer("127.0.0.1".parse().unwrap())), headers(&[("host", "localhost")]));
        assert_eq!(access.admits(peer, &none, Role::Admin), Ok(None));
        access.clone().adopt(Rules { tokens: Some(tokens()), ..Rules::default() });
        let refused = access.admits(peer, &none, Role::Admin);
        assert!(matches!(refused, Err(Refusal::NoToken(why)) if why.contains("role `admin`")));
        let refused = access.admits(peer, &headers(&[("authorization", "Bearer r")]), Role::Admin);
        let want = "this needs the role `admin`, and the role of `read` is `read`";
        assert_eq!(refused, Err(Refusal::Role(want.to_owned())));
    }

    #[test]
    fn base_64_is_read() {
        for (text, want) in
            [("", Some("")), ("Zg==", Some("f")), ("Zm9vYmE", Some("fooba")), ("Zm9vYmFy", Some("foobar"))]
        {
            assert_eq!(from_base64(text).as_deref(), want);
        }
        assert_eq!(from_base64("Zm 9v"), None);
    }
}
