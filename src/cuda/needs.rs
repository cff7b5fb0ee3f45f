//! What the names of libraries and symbols say about CUDA and torch.

use super::CudaVersion;

/// Libraries whose number is that of CUDA.
const NUMBERED: [&str; 7] =
    ["cudart", "cublas", "cublasLt", "nvrtc", "nvrtc-builtins", "nvJitLink", "nvblas"];
/// Other libraries of CUDA, of its driver, and of what NVIDIA publishes beside it.
const OTHERS: [&str; 22] = [
    "c10_cuda",
    "cuda",
    "cudadevrt",
    "cudla",
    "cufft",
    "cufftw",
    "cufile",
    "cufile_rdma",
    "cupti",
    "curand",
    "cusolver",
    "cusolverMg",
    "cusparse",
    "cusparseLt",
    "nccl",
    "nvToolsExt",
    "nvcuvid",
    "nvfatbin",
    "nvidia-ml",
    "nvjpeg",
    "nvptxcompiler",
    "nvvm",
];
/// Of these there are many.
const BEGINNINGS: [&str; 8] =
    ["cudnn", "cudss", "cutensor", "npp", "nvinfer", "nvshmem", "torch_cuda", "nvperf_"];

/// A library of CUDA by the name under which files need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CudaLibrary<'a> {
    /// Without `lib`, and without the digest that auditwheel puts behind.
    pub stem: &'a str,
    /// What stands behind `.so.`.
    pub number: Option<&'a str>,
}

impl<'a> CudaLibrary<'a> {
    /// Parses a name such as `libcudart.so.12`; none where it is a library of something else.
    pub fn parse(soname: &'a str) -> Option<Self> {
        let (name, number) = match soname.split_once(".so.") {
            Some((name, number)) => (name, Some(number)),
            None => (soname.strip_suffix(".so")?, None),
        };
        let name = name.strip_prefix("lib")?;
        let stem = match name.rsplit_once('-') {
            Some((stem, digest)) if is_digest(digest) => stem,
            _ => name,
        };
        let known = NUMBERED.contains(&stem)
            || OTHERS.contains(&stem)
            || BEGINNINGS.iter().any(|beginning| stem.starts_with(beginning));
        known.then_some(Self { stem, number })
    }

    /// The CUDA version that it belongs to; of `libcudart.so.11.0` only the first number counts.
    pub fn version(self) -> Option<CudaVersion> {
        let number = self.number.filter(|_| self.is_numbered())?;
        let mut numbers = number.split('.').map(|part| part.parse::<u16>().ok());
        match (numbers.next()??, numbers.next().flatten()) {
            // Before 11 each minor version had libraries of its own.
            (major @ 8..=10, Some(minor)) => Some(CudaVersion::new(major, minor)),
            (major @ 8..=99, _) => Some(CudaVersion::of_major(major)),
            _ => None,
        }
    }

    /// cuBLAS of CUDA 10 said no more than that.
    fn is_numbered(self) -> bool {
        NUMBERED.contains(&self.stem)
            && (self.stem == "cudart"
                || !self.number.is_some_and(|number| number.starts_with("10")))
    }
}

/// auditwheel's short digest.
fn is_digest(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a library is torch's own.
pub fn is_of_torch(soname: &str) -> bool {
    let stem = soname.strip_prefix("lib").and_then(|name| name.strip_suffix(".so"));
    let torch = |stem: &str| stem == "c10" || stem.starts_with("c10_") || stem.starts_with("torch");
    stem.is_some_and(torch)
}

/// Whether names of functions of torch are those of the C++11 ABI, by how they spell
/// `std::string`. None where none has one, or they contradict each other.
///
/// Source: Itanium C++ ABI, "Compression"; GCC, "Dual ABI".
pub(super) fn cxx11_abi(names: &[u8]) -> Option<bool> {
    const SPACES: [&[u8]; 3] = [b"3c10", b"2at", b"5torch"];
    const NEW: &[u8] = b"St7__cxx1112basic_string";
    const OLD: &[u8] = b"RKSs";
    let (mut new, mut old) = (false, false);
    for name in names.split(|byte| *byte == 0) {
        let Some(rest) = name.strip_prefix(b"_ZN") else { continue };
        let rest = rest.strip_prefix(b"K").unwrap_or(rest);
        if SPACES.iter().any(|space| rest.starts_with(space)) {
            new = new || memchr::memmem::find(rest, NEW).is_some();
            old = old || memchr::memmem::find(rest, OLD).is_some();
        }
    }
    (new != old).then_some(new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn libraries_are_known_by_name() {
        for (name, expected) in [
            ("libcudart.so.12", Some(Some("12"))),
            ("libcudart.so.11.0", Some(Some("11"))),
            ("libcudart.so.10.2", Some(Some("10.2"))),
            ("libcudart-d0da41ae.so.11.8.89", Some(Some("11"))),
            ("libcublasLt.so.13", Some(Some("13"))),
            ("libcublas.so.10", Some(None)),
            ("libnvrtc-builtins.so.12.4", Some(Some("12"))),
            // Numbers of their own.
            ("libcusparse.so.12", Some(None)),
            ("libcudnn_ops_infer.so.8", Some(None)),
            ("libnccl.so.2", Some(None)),
            ("libcuda.so.1", Some(None)),
            ("libc10_cuda.so", Some(None)),
            ("libtorch_cuda_linalg.so", Some(None)),
            ("libtorch_cpu.so", None),
            ("libcurl.so.4", None),
            ("libcudart.a", None),
            ("cudart.so.12", None),
        ] {
            let library = CudaLibrary::parse(name);
            let version = library.map(|it| it.version().map(|version| version.to_string()));
            assert_eq!(version.as_ref().map(|it| it.as_deref()), expected, "{name}");
        }
        assert!(is_of_torch("libc10.so") && is_of_torch("libtorch_python.so"));
        assert!(!is_of_torch("libc10d.so") && !is_of_torch("libtorch.so.1"));
    }

    #[test]
    fn strings_tell_the_abi() {
        let new: &[u8] = b"\0_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE\0";
        let old: &[u8] = b"\0_ZN3c106detail14torchCheckFailEPKcS2_jRKSs\0";
        assert_eq!((cxx11_abi(new), cxx11_abi(old)), (Some(true), Some(false)));
        assert_eq!(cxx11_abi(&[new, old].concat()), None);
        // What is not torch's does not count.
        assert_eq!(cxx11_abi(b"_ZN3foo3barERKSs\0RKSs\0_ZN2at4viewEv\0"), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, name in "(lib)?(cudart|nvrtc)?[-.a-z0-9]{0,12}") {
            let _ = cxx11_abi(&bytes);
            let _ = CudaLibrary::parse(&name).and_then(CudaLibrary::version);
        }
    }
}
