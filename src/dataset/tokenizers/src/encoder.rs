//! One type over both tokenizer libraries.

use tiktoken_rs::CoreBPE;
use tokenizers::models::bpe::BPE;
use tokenizers::{
    DecoderWrapper, Model, NormalizerWrapper, OffsetReferential, OffsetType, PostProcessor, PostProcessorWrapper,
    PreTokenizer, PreTokenizerWrapper, Tokenizer, TokenizerImpl,
};

/// A `Tokenizer` whose model is known to be byte-pair encoding.
type BpeTokenizer = TokenizerImpl<BPE, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// Why a call failed.
pub enum Failure {
    Refused(String),
    BufferTooSmall,
    UnknownId(u32),
}

/// A tokenizer that is ready to use. Both kinds may be shared by threads.
pub enum Encoder {
    Json(Box<Tokenizer>),
    Ranks(Box<CoreBPE>),
}

const _: fn() = || {
    fn shareable<T: Send + Sync>() {}
    shareable::<Encoder>();
};

fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::Refused(error.to_string())
}

/// Most files hold byte-pair encoding: its reader takes a fraction of the time of the one that first finds out which
/// model there is, and leaves all other files, and the words about bad ones, to that.
fn read(bytes: &[u8]) -> tokenizers::Result<Tokenizer> {
    BpeTokenizer::from_bytes(bytes).map(Tokenizer::from).or_else(|_| Tokenizer::from_bytes(bytes))
}

/// As many as `encode_fast` gives, without the ids: what it does, up to there. None where what comes behind that might
/// change the number.
fn count_tokens(tokenizer: &Tokenizer, text: &str) -> Option<tokenizers::Result<usize>> {
    if !matches!(tokenizer.get_post_processor(), None | Some(PostProcessorWrapper::ByteLevel(_))) {
        return None;
    }
    let mut split = tokenizer.get_added_vocabulary().extract_and_normalize(tokenizer.get_normalizer(), text);
    let pre_tokenized = tokenizer.get_pre_tokenizer().map_or(Ok(()), |pre| pre.pre_tokenize(&mut split));
    let tokenized = pre_tokenized.and_then(|()| split.tokenize(|part| tokenizer.get_model().tokenize(part.get())));
    Some(tokenized.map(|()| {
        let splits = split.get_splits(OffsetReferential::Normalized, OffsetType::None);
        splits.iter().map(|(_, _, tokens)| tokens.as_ref().map_or(0, Vec::len)).sum()
    }))
}

impl Encoder {
    /// From the bytes of a tokenizer.json. Truncation and padding that it may ask for are switched off: they would
    /// make counts wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Failure> {
        silence_panics();
        let mut tokenizer = read(bytes).map_err(refused)?;
        tokenizer.with_truncation(None).map_err(refused)?;
        tokenizer.with_padding(None);
        Ok(Self::Json(Box::new(tokenizer)))
    }

    /// By the name of an encoding that is compiled in.
    pub fn from_encoding(name: &str) -> Result<Self, Failure> {
        silence_panics();
        let ranks = match name {
            "o200k_base" => tiktoken_rs::o200k_base(),
            "cl100k_base" => tiktoken_rs::cl100k_base(),
            _ => return Err(Failure::Refused(format!("no encoding '{name}' is compiled in"))),
        };
        Ok(Self::Ranks(Box::new(ranks.map_err(refused)?)))
    }

    pub fn added_special_tokens(&self) -> u32 {
        match self {
            Self::Json(tokenizer) => {
                let added = tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(false));
                u32::try_from(added).unwrap_or(u32::MAX)
            }
            Self::Ranks(_) => 0,
        }
    }

    pub fn count(&self, text: &str) -> Result<usize, Failure> {
        match self {
            Self::Json(tokenizer) => count_tokens(tokenizer, text)
                .unwrap_or_else(|| tokenizer.encode_fast(text, false).map(|encoding| encoding.len()))
                .map_err(refused),
            Self::Ranks(ranks) => Ok(ranks.encode_with_special_tokens(text).len()),
        }
    }

    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Failure> {
        match self {
            Self::Json(tokenizer) => Ok(tokenizer.encode_fast(text, false).map_err(refused)?.get_ids().to_vec()),
            Self::Ranks(ranks) => Ok(ranks.encode_with_special_tokens(text)),
        }
    }

    /// Special tokens are kept. Ids that end inside a character give U+FFFD there.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Failure> {
        match self {
            Self::Json(tokenizer) => {
                // The library drops ids it does not know; a caller with a wrong id should hear of it.
                if let Some(id) = ids.iter().find(|id| tokenizer.id_to_token(**id).is_none()) {
                    return Err(Failure::UnknownId(*id));
                }
                tokenizer.decode(ids, false).map_err(refused)
            }
            Self::Ranks(ranks) => match ranks.decode(ids.to_vec()) {
                Ok(text) => Ok(text),
                Err(error) if is_bad_utf8(&error) => {
                    let bytes = ranks._decode_native_and_split(ids.to_vec()).collect::<Vec<_>>().concat();
                    Ok(String::from_utf8_lossy(&bytes).into_owned())
                }
                Err(error) => {
                    let unknown = |id: &&u32| matches!(ranks.decode(vec![**id]), Err(e) if !is_bad_utf8(&e));
                    Err(ids.iter().find(unknown).map_or_else(|| refused(error), |id| Failure::UnknownId(*id)))
                }
            },
        }
    }
}

/// `CoreBPE::decode` fails with its own type for an unknown id, and with plain words where the bytes of known ids are
/// not UTF-8.
fn is_bad_utf8(error: &anyhow::Error) -> bool {
    error.is::<String>()
}

/// Panics are reported by their code, not on the host program's stderr.
fn silence_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}
