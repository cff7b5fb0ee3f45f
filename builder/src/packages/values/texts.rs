//! Texts that are checked and kept as they are: names of modules, packages, images, folders.

use std::str::FromStr;

use crate::row::CudaRelease;

/// Declares texts that are checked and kept as they are.
macro_rules! checked_texts {
    ($($(#[$meta:meta])* $name:ident, $check:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }
    )*};
}
pub(super) use checked_texts;

checked_texts! {
    /// A module: `flash_attn`, `xformers.ops`.
    ImportName, |text| {
        let is_identifier = |part: &str| {
            part.starts_with(|char: char| char.is_alphabetic() || char == '_')
                && part.chars().all(|char| char.is_alphanumeric() || char == '_')
        };
        let is_module = text.split('.').all(is_identifier);
        is_module.then_some(()).ok_or_else(|| format!("`{text}` is no module: expected `flash_attn`"))
    };
    /// A variable: `MAX_JOBS`.
    EnvName, |text| {
        let mut chars = text.chars();
        let starts = chars.next().is_some_and(|char| char.is_ascii_alphabetic() || char == '_');
        if !starts || !chars.all(|char| char.is_ascii_alphanumeric() || char == '_') {
            return Err(format!("`{text}` is no name of a variable: expected `MAX_JOBS`"));
        }
        // They decide what the program itself runs.
        if matches!(text, "PATH" | "LD_PRELOAD" | "LD_LIBRARY_PATH" | "HOME" | "IFS" | "ENV" | "BASH_ENV")
            || text.starts_with("WHEELSITE_")
        {
            return Err(format!("`{text}` is set by the build itself: remove it"));
        }
        Ok(())
    };
    /// A Debian package: `libopenmpi-dev`, `libc6:arm64`, `ninja-build=1.11.1-1`.
    AptName, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_lowercase() || char.is_ascii_digit())
            && text.len() > 1
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "+-.:=~_".contains(char))
            && !text.ends_with(['+', '-', '='])
            // apt takes both for an order to install or remove something else.
            || matches!(text, "g++" | "libstdc++");
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no Debian package: expected `libopenmpi-dev`"))
    };
    /// An image: `nvidia/cuda:12.9.1-devel-ubuntu22.04`, with placeholders in braces, perhaps by digest.
    ImageName, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '{')
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._/:@{}".contains(char))
            && !text.contains("//")
            && text.len() <= 512;
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no image: expected `nvidia/cuda:12.9.1-devel-ubuntu22.04`"))
    };
    /// A compute capability as torch writes it: `8.0`, `9.0a`, `9.0+PTX`.
    Architecture, |text| {
        let plain = text.strip_suffix("+PTX").unwrap_or(text);
        let plain = plain.strip_suffix(['a', 'f']).unwrap_or(plain);
        match plain.parse::<CudaRelease>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("`{text}` is no architecture: expected `8.0`, `9.0a` or `9.0+PTX`")),
        }
    };
    /// A template of a local version: `{cuda_tag}torch{torch}`.
    LocalTemplate, |text| {
        let plain = text.chars().all(|char| char.is_ascii_alphanumeric() || "._{}-".contains(char));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no local version: letters, digits and points, as `{{cuda_tag}}`"))
    };
    /// A label of a runner.
    Label, |text| {
        let plain = !text.is_empty() && !text.starts_with('-') && text.chars().all(|char| !char.is_whitespace() && !"${}`\"'\\".contains(char));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no label of a runner: expected `ubuntu-latest`"))
    };
    /// A library that a wheel leaves outside: `libcuda.so.1`, `libtorch*`.
    Library, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '*')
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._+*?".contains(char));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no library: expected `libcuda.so.1`"))
    };
    /// A digest in hex.
    Digest, |text| {
        let plain = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no SHA-256: expected 64 lower-case hex digits"))
    };
    /// A tag, branch or commit.
    Revision, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_alphanumeric())
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._/+".contains(char))
            && !text.contains("..");
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no tag, branch or commit"))
    };
    /// A folder within a source.
    Subdirectory, |text| {
        let plain = !text.is_empty() && !text.starts_with(['/', '-'])
            && text.split('/').all(|part| !matches!(part, "" | "." | ".."));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no folder within the source: expected `python` or `a/b`"))
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_text_stops_the_program(any in "\\PC{0,24}", like in "[a-z0-9_.:/@{}+;=<>, \\[\\]-]{0,24}") {
            for text in [any.as_str(), &like] {
                let _ = text.parse::<ImportName>();
                let _ = text.parse::<EnvName>();
                let _ = text.parse::<AptName>();
                let _ = text.parse::<ImageName>();
                let _ = text.parse::<Architecture>();
                let _ = text.parse::<LocalTemplate>();
                let _ = text.parse::<Label>();
                let _ = text.parse::<Library>();
                let _ = text.parse::<Digest>();
                let _ = text.parse::<Revision>();
                let _ = text.parse::<Subdirectory>();
            }
        }
    }

    #[test]
    fn texts_are_kept_or_refused() {
        for text in ["8.0", "9.0a", "9.0+PTX", "12.0f"] {
            assert!(text.parse::<Architecture>().is_ok(), "{text}");
        }
        for text in ["g++", "libopenmpi-dev", "ninja-build=1.11.1-1"] {
            assert!(text.parse::<AptName>().is_ok(), "{text}");
        }
        for text in ["vim-", "-y", "a b", "x;id", "$(id)", "A"] {
            assert!(text.parse::<AptName>().is_err(), "{text}");
        }
    }
}
