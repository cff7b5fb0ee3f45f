//! Values of `packages.yml`, each parsed at the door: what is wrong is said with its line.
//!
//! Everything here ends up as an argument or a variable of a program in a container, never in a
//! shell; what could be taken for an option, or break a line, is refused all the same.

mod requirements;
mod scalars;
mod texts;
mod yaml;

pub use requirements::{GitUrl, IndexUrl, Requirement, requirement};
pub use scalars::{Bytes, CudaSpec, Month, Time, Words};
pub use texts::{
    AptName, Architecture, Digest, EnvName, ImageName, ImportName, Label, Library, LocalTemplate,
    Revision, Subdirectory,
};
pub use yaml::{EnvValue, Imports, Many, Parsed, TextOr};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn nothing_that_is_accepted_can_be_taken_for_an_option(text in "-{0,2}[a-z0-9.=]{0,8}") {
            let accepted = [
                text.parse::<AptName>().is_ok(),
                text.parse::<ImageName>().is_ok(),
                text.parse::<ImportName>().is_ok(),
                text.parse::<Requirement>().is_ok(),
                text.parse::<Revision>().is_ok(),
                text.parse::<Library>().is_ok(),
                text.parse::<Subdirectory>().is_ok(),
            ];
            prop_assert!(!text.starts_with('-') || accepted == [false; 7], "{text}: {accepted:?}");
        }
    }
}
