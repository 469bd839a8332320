//! Passwords come by a prompt or by standard input, never as an argument, where every process of the machine could read them.

use std::io::{IsTerminal, Read};

use zeroize::Zeroizing;

use super::outcome::Failure;
use crate::auth::password::Password;

/// The longest input that is read, in bytes.
const LONGEST: u64 = 4096;

/// The password that the operator gives; nothing if it is left empty.
pub(super) fn read() -> Result<Option<Password>, Failure> {
    let text = if std::io::stdin().is_terminal() {
        prompted()?
    } else {
        first_line(std::io::stdin().lock())?
    };
    Ok((!text.is_empty()).then(|| Password::new(text.to_string())))
}

fn prompted() -> Result<Zeroizing<String>, Failure> {
    let ask = |prompt| {
        let text = rpassword::prompt_password(prompt);
        text.map(Zeroizing::new)
            .map_err(|error| Failure::because("cannot read the password", &error))
    };
    let text = ask("Password (empty makes a one-time password): ")?;
    if !text.is_empty() && ask("Once more: ")? != text {
        return Err(Failure::failed("the two passwords differ"));
    }
    Ok(text)
}

fn first_line(input: impl Read) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = input.take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| Failure::because("cannot read the password from standard input", &error))?;
    Ok(Zeroizing::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn the_first_line_counts_without_its_end() {
        for (input, password) in [
            ("a b\n", "a b"),
            ("a b\r\nc", "a b"),
            ("a b", "a b"),
            ("", ""),
            ("\n", ""),
        ] {
            assert_eq!(first_line(input.as_bytes()).unwrap().as_str(), password);
        }
    }
}
