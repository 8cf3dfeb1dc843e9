//! Names as NATS subject tokens, exactly as the Python robot and library write them.

/// The longest token, in code points, that the originals write.
pub const MAX_TOKEN_CHARS: usize = 100;

const REMOVED: &[char] = &[
    '!', '@', '#', '$', '%', '^', '&', '*', '(', ')', '+', '=', '[', ']', '{', '|', '}', '\\', ':',
    ';', '"', '\'', '<', '>', ',', '?', '/', '.',
];

/// Turns a channel or event name into the token that stands for it in a subject.
///
/// Lower case, dots and punctuation removed, spaces become `-`, cut at [`MAX_TOKEN_CHARS`] code points. The result
/// may be empty, and may still hold characters that a subject cannot carry (tabs, controls); [`crate::subject`]
/// refuses both.
///
/// ```
/// use kryten_protocol::token::normalize;
/// assert_eq!(normalize("My Channel!"), "my-channel");
/// assert_eq!(normalize("chatMsg"), "chatmsg");
/// ```
pub fn normalize(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter(|c| !REMOVED.contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .take(MAX_TOKEN_CHARS)
        .collect()
}

/// Whether the token can stand in a subject: not empty, no white space, no control characters.
pub fn is_carriable(token: &str) -> bool {
    !token.is_empty() && !token.chars().any(|c| c.is_whitespace() || c.is_control())
}
