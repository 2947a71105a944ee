//! C interface to two tokenizer libraries: `tokenizers` (tokenizer.json) and `tiktoken-rs` (encodings compiled in).
//!
//! Rules of the interface, which `src/dataset/tokenizer_library.hpp` repeats in C++:
//! * text is pointer and length, need not end in a NUL byte and need not be valid UTF-8 (bad bytes become U+FFFD);
//! * results go into buffers of the caller; a buffer that is too small is told the size needed;
//! * every call answers with a `Code`; a panic inside a tokenizer is one of them and never leaves a call;
//! * one handle may be used by any number of threads at once, except for closing it.

mod encoder;

use encoder::{Encoder, Failure};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice;

/// Answers of all calls.
#[repr(i32)]
#[derive(Clone, Copy)]
pub enum Code {
    Ok = 0,
    /// The model's data or the encoding's name is not usable, or a text could not be encoded.
    Refused = 1,
    /// The result has `needed` elements; nothing was written.
    BufferTooSmall = 2,
    /// An id is outside the vocabulary.
    UnknownId = 3,
    /// The tokenizer library panicked.
    Panicked = 4,
}

/// Where the words of a failure go: cut to `capacity` bytes, always whole characters, no NUL byte.
#[repr(C)]
pub struct Message {
    text: *mut u8,
    capacity: usize,
    size: usize,
}

impl Message {
    fn set(&mut self, words: &str) {
        let mut size = words.len().min(self.capacity);
        while !words.is_char_boundary(size) {
            size -= 1;
        }
        if size > 0 {
            // SAFETY: the caller vouches for `capacity` writable bytes at `text`.
            unsafe { slice::from_raw_parts_mut(self.text, size) }.copy_from_slice(&words.as_bytes()[..size]);
        }
        self.size = size;
    }
}

/// Runs `work`; failures and panics become a code and words in `message`.
fn guarded(message: *mut Message, work: impl FnOnce() -> Result<(), Failure>) -> Code {
    let (code, words) = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return Code::Ok,
        Ok(Err(Failure::BufferTooSmall)) => return Code::BufferTooSmall,
        Ok(Err(Failure::Refused(words))) => (Code::Refused, words),
        Ok(Err(Failure::UnknownId(id))) => (Code::UnknownId, format!("id {id} is not in the vocabulary")),
        Err(panic) => (Code::Panicked, words_of(panic.as_ref())),
    };
    // SAFETY: null or a caller's `Message`.
    if let Some(message) = unsafe { message.as_mut() } {
        message.set(&words);
    }
    code
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(words) = panic.downcast_ref::<&str>() {
        (*words).to_owned()
    } else if let Some(words) = panic.downcast_ref::<String>() {
        words.clone()
    } else {
        "a panic without words".to_owned()
    }
}

/// SAFETY: `data` is null with `size` 0, or `size` readable elements that outlive the result.
unsafe fn view<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 {
        &[]
    } else {
        slice::from_raw_parts(data, size)
    }
}

/// Copies a result out, or says how large the buffer must be.
///
/// SAFETY: `out` has room for `capacity` elements; `needed` is writable.
unsafe fn deliver<T: Copy>(from: &[T], out: *mut T, capacity: usize, needed: *mut usize) -> Result<(), Failure> {
    *needed = from.len();
    if from.len() > capacity {
        return Err(Failure::BufferTooSmall);
    }
    if !from.is_empty() {
        slice::from_raw_parts_mut(out, from.len()).copy_from_slice(from);
    }
    Ok(())
}

/// Opens the tokenizer described by the bytes of a tokenizer.json. On `Ok`, `*out` is to be closed by
/// `aiperf_tokenizer_close`.
///
/// # Safety
/// `data` has `size` bytes, `out` is writable, `message` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn aiperf_tokenizer_open_json(
    data: *const u8,
    size: usize,
    out: *mut *mut Encoder,
    message: *mut Message,
) -> Code {
    guarded(message, || {
        let encoder = Encoder::from_json(view(data, size))?;
        *out = Box::into_raw(Box::new(encoder));
        Ok(())
    })
}

/// Opens an encoding that is compiled in, by its name ("o200k_base").
///
/// # Safety
/// As for `aiperf_tokenizer_open_json`.
#[no_mangle]
pub unsafe extern "C" fn aiperf_tokenizer_open_encoding(
    name: *const u8,
    size: usize,
    out: *mut *mut Encoder,
    message: *mut Message,
) -> Code {
    guarded(message, || {
        let encoder = Encoder::from_encoding(&String::from_utf8_lossy(view(name, size)))?;
        *out = Box::into_raw(Box::new(encoder));
        Ok(())
    })
}

/// Frees a handle; null is allowed.
///
/// # Safety
/// `encoder` came from an open call, is not in use, and is not used again.
#[no_mangle]
pub unsafe extern "C" fn aiperf_tokenizer_close(encoder: *mut Encoder) {
    if !encoder.is_null() {
        let encoder = Box::from_raw(encoder);
        // Nothing is left to report to where freeing panics.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(encoder)));
    }
}

/// Special tokens that an encode with them adds to one text.
///
/// # Safety
/// `encoder` is an open handle.
#[no_mangle]
pub unsafe extern "C" fn aiperf_tokenizer_added_special_tokens(encoder: *const Encoder) -> u32 {
    catch_unwind(AssertUnwindSafe(|| (*encoder).added_special_tokens())).unwrap_or(0)
}

/// Number of ids of a text, in `*count`.
///
/// # Safety
/// `encoder` is an open handle, `text` has `size` bytes, `count` is writable, `message` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn aiperf_tokenizer_count(
    encoder: *const Encoder,
    text: *const u8,
    size: usize,
    count: *mut usize,
    message: *mut Message,
) -> Code {
    guarded(message, || {
        *count = (*encoder).count(&String::from_utf8_lossy(view(text, size)))?;
        Ok(())
    })
}

/// Ids of a text into `ids`; `*needed` is their number, also where they do not fit.
///
/// # Safety
/// As for `aiperf_tokenizer_count`; `ids` has room for `capacity` ids.
#[no_mangle]
pub unsafe extern "C" fn aiperf_tokenizer_encode(
    encoder: *const Encoder,
    text: *const u8,
    size: usize,
    ids: *mut u32,
    capacity: usize,
    needed: *mut usize,
    message: *mut Message,
) -> Code {
    guarded(message, || {
        let found = (*encoder).encode(&String::from_utf8_lossy(view(text, size)))?;
        deliver(&found, ids, capacity, needed)
    })
}

/// Text of ids, valid UTF-8, into `text`; `*needed` is its size in bytes, also where it does not fit.
///
/// # Safety
/// `encoder` is an open handle, `ids` has `count` ids, `text` has room for `capacity` bytes, `needed` is writable,
/// `message` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn aiperf_tokenizer_decode(
    encoder: *const Encoder,
    ids: *const u32,
    count: usize,
    text: *mut u8,
    capacity: usize,
    needed: *mut usize,
    message: *mut Message,
) -> Code {
    guarded(message, || {
        let words = (*encoder).decode(view(ids, count))?;
        deliver(words.as_bytes(), text, capacity, needed)
    })
}
