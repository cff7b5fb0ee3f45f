//! Why a container or a pull failed, in words, with what to do.

use super::process::End;
use super::{Ended, Tail};
use crate::engine::text::clean;
use crate::error::Error;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A compiler or linker said no.
    Compile,
    /// A header is not there.
    MissingHeader,
    /// The build needs a Python module that is not installed.
    MissingModule,
    /// A program that the build calls is not there.
    MissingProgram,
    /// There is no Python of the row's version.
    PythonMissing,
    /// A requirement cannot be met.
    Dependency,
    /// The index has no sdist of this release.
    NoSource,
    /// A server did not answer.
    Network,
    /// The memory was used up.
    OutOfMemory,
    /// The disk is full.
    DiskFull,
    /// It took longer than it may.
    Timeout,
    /// The image is not at its registry.
    ImageMissing,
    /// The engine itself failed.
    Engine,
    /// The wheel does not import.
    Import,
    /// Anything else.
    Other,
}

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub cause: Cause,
    /// What happened, and where.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Whether it may go well if it is only tried again.
    pub is_passing: bool,
}

impl Failure {
    fn new(cause: Cause, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
            hint: hint.into(),
            is_passing: cause == Cause::Network,
        }
    }

    /// The error of a command that ends with it.
    pub fn into_error(self) -> Error {
        match self.cause {
            Cause::Network | Cause::ImageMissing | Cause::Engine => {
                Error::unreachable(self.message, self.hint)
            }
            _ => Error::failed(self.message, self.hint),
        }
    }
}

/// What servers that are away for a moment look like: pip, uv, git, apt, docker, podman.
const NETWORK: [&str; 27] = [
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Read timed out",
    "Connection refused",
    "Connection reset",
    "Connection aborted",
    "connection reset by peer",
    "connection refused",
    "i/o timeout",
    "TLS handshake timeout",
    "Temporary failure in name resolution",
    "Temporary failure resolving",
    "no such host",
    "Could not resolve host",
    "RemoteDisconnected",
    "IncompleteRead",
    "Client.Timeout exceeded",
    "context deadline exceeded",
    "unexpected EOF",
    "Max retries exceeded",
    "toomanyrequests",
    "Unable to connect to",
    "server misbehaving",
    "error sending request",
    "client error (Connect)",
    "Failed to fetch",
];

/// 429 and 5xx, as clients write them.
fn is_server_error(line: &str) -> bool {
    let codes = ["429", "500", "502", "503", "504"];
    let before = [
        "HTTP error ",
        "status code ",
        "status: ",
        "unexpected status code ",
        "HTTP ",
        "returned error: ",
        "received unexpected HTTP status: ",
    ];
    before.iter().any(|before| {
        line.split(before).skip(1).any(|rest| codes.iter().any(|code| rest.starts_with(code)))
    }) || line.contains("Server Error:")
}

fn network(tail: &Tail) -> Option<&str> {
    tail.lines()
        .find(|line| NETWORK.iter().any(|text| line.contains(text)) || is_server_error(line))
}

const DISK_FULL: [&str; 4] =
    ["No space left on device", "no space left on device", "Errno 28", "Disk quota exceeded"];

const DISK_HINT: &str = "free some space: prune images that are not used, remove old rows of the \
                         work folder, or choose another disk with `--work`; the build goes on where it stopped";

/// Why a pull failed.
pub fn of_pull(name: &str, tail: &Tail) -> Failure {
    let name = clean(name);
    let said = last_line(tail);
    if tail.find(&DISK_FULL).is_some() {
        return Failure::new(
            Cause::DiskFull,
            format!("the disk is full: `{name}` was not pulled"),
            DISK_HINT,
        );
    }
    if tail
        .find(&[
            "manifest unknown",
            "not found: manifest",
            "repository does not exist",
            "name unknown",
            "no matching manifest",
            "no image found in",
            "does not exist or no pull access",
            "was deleted or has expired",
        ])
        .is_some()
    {
        return Failure::new(
            Cause::ImageMissing,
            format!("there is no image `{name}`: {said}"),
            "check its name and tag (old tags are deleted: pin a digest while it is there), set \
             `image` or `runtime_image`, or log in to a private registry",
        );
    }
    if tail.find(&["unauthorized", "denied", "authentication required"]).is_some() {
        return Failure::new(
            Cause::ImageMissing,
            format!("the registry does not give out `{name}`: {said}"),
            "check the image's name, and log in to the registry",
        );
    }
    if network(tail).is_some() {
        return Failure::new(
            Cause::Network,
            format!("`{name}` could not be pulled: {said}"),
            "check the network and run again: layers that are here are not pulled again",
        );
    }
    Failure::new(
        Cause::Engine,
        format!("`{name}` could not be pulled: {said}"),
        "try the pull by hand",
    )
}

/// The last line that says something.
fn last_line(tail: &Tail) -> String {
    tail.lines().last().map_or_else(|| "no more was said".to_owned(), |line| clean(line.trim()))
}

/// What a failed run is told with.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// How long it could take, in seconds.
    pub limit: u64,
    /// How much memory it had, in bytes.
    pub memory: Option<u64>,
    /// Which Python was wanted: `3.12`.
    pub python: &'a str,
    /// In which image.
    pub image: &'a str,
    /// Where everything that was said can be read.
    pub log: String,
}

/// Why a container failed.
pub fn of_run(ended: Ended, tail: &Tail, context: &Context<'_>) -> Failure {
    let stage = if tail.stage().is_empty() { "start" } else { tail.stage() };
    let log = &context.log;
    if ended.end == End::Timeout {
        let limit = context.limit;
        return Failure::new(
            Cause::Timeout,
            format!("stage `{stage}` was not done within the {limit} seconds that a row may take"),
            "run again, which goes on where it stopped, or raise `timeout`; with `architectures` \
             and `jobs` less is compiled, or faster",
        );
    }
    let code = match ended.end {
        End::Exit(code) => code,
        _ => None,
    };
    if code.is_none() && tail.code().is_none() {
        return Failure::new(
            Cause::Other,
            format!("the engine's client was killed in stage `{stage}`"),
            "run again: it goes on where it stopped",
        );
    }
    let is_killed = tail
        .find(&[
            "Killed signal terminated program",
            "cc1plus: out of memory",
            "virtual memory exhausted",
            "LLVM ERROR: out of memory",
            "std::bad_alloc",
            "MemoryError",
        ])
        .is_some()
        || tail.code() == Some(137);
    if ended.oom || tail.is_oom() || is_killed {
        let memory = match context.memory {
            Some(memory) => format!("the {} MiB that it may have", memory >> 20),
            None => "all memory".to_owned(),
        };
        return Failure::new(
            Cause::OutOfMemory,
            format!("stage `{stage}` used up {memory}"),
            "compile fewer files at a time (`jobs: 2`), or raise `memory`",
        );
    }
    if let Some(line) = tail.find(&DISK_FULL) {
        return Failure::new(
            Cause::DiskFull,
            format!("the disk is full at stage `{stage}`: {}", clean(line.trim())),
            DISK_HINT,
        );
    }
    let said = match tail.first_error() {
        Some(error) => error.to_owned(),
        None => last_line(tail),
    };
    if tail.stage().is_empty() {
        return at_start(code, tail, &said, context);
    }
    let see = format!("read `{log}`");
    if let Some(failure) = of_text(stage, tail, &said, context) {
        return failure;
    }
    if code == Some(137) {
        return Failure::new(
            Cause::Other,
            format!("stage `{stage}` was killed from outside"),
            "it goes on where it stopped: run again",
        );
    }
    let cause = match stage {
        "compile" => Cause::Compile,
        "import" | "version" | "command" => Cause::Import,
        "dependencies" | "install" => Cause::Dependency,
        "python" => Cause::PythonMissing,
        _ => Cause::Other,
    };
    Failure::new(cause, format!("stage `{stage}` failed: {said}"), see)
}

/// The engine failed before the script said anything.
fn at_start(code: Option<i32>, tail: &Tail, said: &str, context: &Context<'_>) -> Failure {
    let image = clean(context.image);
    if tail.find(&["exec format error"]).is_some() {
        return Failure::new(
            Cause::Engine,
            format!("this machine cannot run `{image}`: it is for other processors"),
            "build it on such a machine, or install qemu's user emulation (binfmt)",
        );
    }
    if tail
        .find(&[
            "/bin/sh: no such file",
            "\"/bin/sh\": stat /bin/sh",
            "executable file `/bin/sh` not found",
        ])
        .is_some()
    {
        return Failure::new(
            Cause::Engine,
            format!("`{image}` has no `/bin/sh`"),
            "choose an image with a shell and a package manager",
        );
    }
    let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
    Failure::new(
        Cause::Engine,
        format!("the container did not start ({code}): {said}"),
        "check that the engine runs containers by hand, and what `--engine-arg` adds",
    )
}

/// What the text of a stage tells.
fn of_text(stage: &str, tail: &Tail, said: &str, context: &Context<'_>) -> Option<Failure> {
    let python = context.python;
    let image = clean(context.image);
    let log = &context.log;
    let between = |line: &str, before: &str, after: &str| {
        let (_, rest) = line.split_once(before)?;
        Some(clean(rest.split_once(after).map_or(rest, |(value, _)| value).trim()))
    };
    if stage == "python" && tail.find(&["no Python"]).is_some() {
        // uv and deadsnakes fetch it.
        if let Some(network) = network(tail) {
            return Some(unreached(stage, network));
        }
        return Some(Failure::new(
            Cause::PythonMissing,
            format!("`{image}` has no Python {python}: {said}"),
            "choose `python_from: uv` or an Ubuntu image with `python_from: deadsnakes`, or an \
             image that has it (`image: manylinux`)",
        ));
    }
    // What a compiler says counts more than what a download said before it.
    if stage == "compile" {
        let header = tail.lines().find_map(|line| {
            between(line, "fatal error: ", ": No such file or directory")
                .filter(|_| line.contains("No such file or directory"))
        });
        if let Some(header) = header {
            return Some(Failure::new(
                Cause::MissingHeader,
                format!("the compiler did not find the header `{header}`"),
                header_hint(&header),
            ));
        }
        let library = tail.lines().find_map(|line| between(line, "cannot find -l", ":"));
        if let Some(library) = library {
            return Some(Failure::new(
                Cause::MissingHeader,
                format!("the linker did not find the library `{library}`"),
                "name the Debian package that has it under `apt`, or use a devel image",
            ));
        }
    }
    if let Some(module) = tail.lines().find_map(|line| between(line, "No module named '", "'")) {
        if stage != "import" {
            return Some(Failure::new(
                Cause::MissingModule,
                format!("stage `{stage}` needs the Python module `{module}`"),
                format!(
                    "add it to `extra_deps` and build with `--no-build-isolation` in `build_args`; \
                     if it is there, read `{log}`"
                ),
            ));
        }
        return Some(Failure::new(
            Cause::Import,
            format!("the import failed: no module named `{module}`"),
            "if that is the wheel's own, set `test_import`; else add what it needs to `extra_deps`",
        ));
    }
    if matches!(stage, "compile" | "source")
        && let Some(line) = tail.find(&[
            "nvcc: not found",
            "nvcc: command not found",
            "No such file or directory: '/usr/local/cuda",
            "CUDA_HOME environment variable is not set",
            "nvcc was not found",
        ])
    {
        return Some(Failure::new(
            Cause::MissingProgram,
            format!("there is no CUDA compiler: {}", clean(line.trim())),
            "use a devel image (`nvidia/cuda:...-devel-...`): runtime images have no nvcc",
        ));
    }
    if tail.find(&["detected CUDA version"]).is_some()
        && tail.find(&["mismatches the version"]).is_some()
    {
        return Some(Failure::new(
            Cause::Dependency,
            format!("the image's CUDA is not the one that torch was built with: {said}"),
            "let `cuda` and `torch` fit: `wheelsite-builder plan` says which torch exists for a CUDA",
        ));
    }
    if let Some(line) = tail.find(&[
        "No matching distribution found for",
        "ResolutionImpossible",
        "Could not find a version that satisfies",
        "Unable to locate package",
        "has no installation candidate",
    ]) {
        // pip says the same when the index did not answer.
        if let Some(network) = network(tail) {
            return Some(unreached(stage, network));
        }
        if stage == "source" {
            return Some(Failure::new(
                Cause::NoSource,
                format!("the index has no source of this release: {}", clean(line.trim())),
                "check the version, or name another `source`: the URL of an archive, or `git+URL@TAG`",
            ));
        }
        return Some(Failure::new(
            Cause::Dependency,
            format!("stage `{stage}`: {}", clean(line.trim())),
            "check the names and versions in `extra_deps` and `apt`, and that they exist for this \
             Python and CUDA",
        ));
    }
    if stage == "import" || stage == "version" || stage == "command" {
        return Some(of_smoke(stage, tail, said, log));
    }
    let errors = [": error:", ": fatal error:", ": error #", "FAILED:"];
    let is_compiler = stage == "compile" && tail.find(&errors).is_some();
    network(tail).filter(|_| !is_compiler).map(|line| unreached(stage, line))
}

fn unreached(stage: &str, line: &str) -> Failure {
    Failure::new(
        Cause::Network,
        format!("stage `{stage}` could not reach a server: {}", clean(line.trim())),
        "check the network, the index URLs and proxies, and run again: it goes on where it stopped",
    )
}

fn of_smoke(stage: &str, tail: &Tail, said: &str, log: &str) -> Failure {
    let last = tail.lines().rev().find(|line| {
        let line = line.trim_start();
        line.split_once(": ")
            .is_some_and(|(kind, _)| kind.ends_with("Error") || kind.ends_with("Exception"))
    });
    let said = last.map_or_else(|| said.to_owned(), |line| clean(line.trim()));
    let hint = if tail.find(&["undefined symbol"]).is_some() {
        "it was compiled against another torch, or another libstdc++: build and test with the \
         same `torch`"
            .to_owned()
    } else if tail.find(&["GLIBC_", "GLIBCXX_"]).is_some() {
        "the runtime image is older than the devel image: use the same distribution for both, or \
         `image: manylinux`"
            .to_owned()
    } else if let Some(library) = tail.find(&["cannot open shared object file"]) {
        let library = library.split(": cannot open").next().unwrap_or_default();
        let library = library.rsplit([' ', ':']).next().unwrap_or_default();
        format!(
            "`{}` is in no package that the wheel requires: add one to `extra_deps` (and to the \
             wheel's own requirements), or choose a `runtime_image` that has it",
            clean(library)
        )
    } else {
        format!("read `{log}`; `test_import` and `test_command` say what is tried")
    };
    Failure::new(Cause::Import, format!("stage `{stage}` failed: {said}"), hint)
}

fn header_hint(header: &str) -> String {
    let cuda = [
        "cuda",
        "cublas",
        "cusparse",
        "cusolver",
        "curand",
        "nvrtc",
        "thrust/",
        "cub/",
        "nvToolsExt",
    ];
    if header.contains("cudnn") {
        "use a devel image with cuDNN: `nvidia/cuda:...-cudnn-devel-...`".to_owned()
    } else if cuda.iter().any(|start| header.starts_with(start)) {
        "use a devel image (`nvidia/cuda:...-devel-...`): runtime images have no headers".to_owned()
    } else if header == "Python.h" {
        "the image's Python has no headers: add its `-dev` package under `apt`, or `python_from: uv`"
            .to_owned()
    } else if header.starts_with("torch/")
        || header.starts_with("ATen/")
        || header.starts_with("c10/")
    {
        "add `torch` to `extra_deps`, and `--no-build-isolation` to `build_args`".to_owned()
    } else {
        "name the Debian package that has it under `apt`".to_owned()
    }
}

#[cfg(test)]
mod tests;
