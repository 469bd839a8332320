//! Reading `Signature-Input` and `Signature` (RFC 9421, section 4), and writing the signature base (section 2.5).
//!
//! RFC 9651 lets a later key overwrite an earlier one; here a repeated key is a fault, since two readers that differ
//! about which of two values counts are an attacker's tool. Hence the visitor interface of `sfv`, which shows repeats.

use sfv::visitor::{
    DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor,
};
use sfv::{
    BareItemFromInput, DictSerializer, Integer, ItemSerializer, KeyRef, ListSerializer, Parser,
    StringRef, key_ref,
};

const CREATED: &KeyRef = key_ref("created");
const KEYID: &KeyRef = key_ref("keyid");
const ALG: &KeyRef = key_ref("alg");
const TAG: &KeyRef = key_ref("tag");

/// What is wrong with a structured field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// The one member of a `Signature-Input` field, as it stands there; nothing is judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) label: String,
    /// Names of the covered components in their order, with whether each stands without parameters.
    pub(super) components: Vec<(String, bool)>,
    /// All parameters in their order, repeats included.
    pub(super) params: Vec<Param>,
}

/// A signature parameter. One of another type than the specification gives it is `Unexpected`, like an unknown one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Param {
    /// Seconds since 1970.
    Created(i64),
    KeyId(sfv::String),
    Alg(sfv::String),
    Tag(sfv::String),
    Unexpected(String),
}

impl Input {
    /// Reads the field's only member.
    ///
    /// # Errors
    /// Syntax, more or fewer than one member, a member that is no inner list of strings.
    pub(super) fn parse(value: &str) -> Result<Self, sfv::Error> {
        Parser::new(value).parse_dictionary_with_visitor(OneInput(None))
    }

    /// The `keyid`, if there is exactly one and it is a string.
    pub(super) fn key_id(&self) -> Option<&str> {
        let mut found = self.params.iter().filter_map(|param| match param {
            Param::KeyId(id) => Some(Some(id.as_str())),
            Param::Unexpected(key) if key == KEYID.as_str() => Some(None),
            _ => None,
        });
        match (found.next(), found.next()) {
            (Some(id), None) => id,
            _ => None,
        }
    }
}

/// Reads the only member of a `Signature` field: its label and its bytes.
///
/// # Errors
/// Syntax, more or fewer than one member, a member that is no byte sequence.
pub(super) fn parse_signature(value: &str) -> Result<(String, Vec<u8>), sfv::Error> {
    Parser::new(value).parse_dictionary_with_visitor(OneSignature(None))
}

/// The value of `Signature-Input` with one member.
///
/// # Errors
/// A name that cannot be a string of a structured field.
pub(super) fn write_input(
    label: &KeyRef,
    names: &[&str],
    params: &[Param],
) -> Result<String, sfv::Error> {
    let mut dict = DictSerializer::new();
    let mut list = dict.inner_list(label);
    for name in names {
        list.bare_item(StringRef::from_str(name)?);
    }
    write_params(list, params);
    Ok(dict.finish().unwrap_or_default())
}

/// The value of `Signature` with one member.
pub(super) fn write_signature(label: &KeyRef, signature: &[u8]) -> String {
    let mut dict = DictSerializer::new();
    dict.bare_item(label, signature);
    dict.finish().unwrap_or_default()
}

/// The signature base (RFC 9421, section 2.5) of components given as name and value.
///
/// # Errors
/// A name that cannot be a string of a structured field.
pub(super) fn base(components: &[(&str, &str)], params: &[Param]) -> Result<String, sfv::Error> {
    let mut base = String::new();
    for (name, value) in components {
        let _ = ItemSerializer::with_buffer(&mut base).bare_item(StringRef::from_str(name)?);
        base.push_str(": ");
        base.push_str(value);
        base.push('\n');
    }
    base.push_str("\"@signature-params\": ");
    let mut list = ListSerializer::new();
    let mut inner = list.inner_list();
    for (name, _) in components {
        inner.bare_item(StringRef::from_str(name)?);
    }
    write_params(inner, params);
    base.push_str(&list.finish().unwrap_or_default());
    Ok(base)
}

fn write_params(list: sfv::InnerListSerializer<'_>, params: &[Param]) {
    let mut writer = list.finish();
    for param in params {
        writer = match param {
            Param::Created(seconds) => match Integer::try_from(*seconds) {
                Ok(seconds) => writer.parameter(CREATED, seconds),
                Err(_) => writer,
            },
            Param::KeyId(id) => writer.parameter(KEYID, id),
            Param::Alg(alg) => writer.parameter(ALG, alg),
            Param::Tag(tag) => writer.parameter(TAG, tag),
            Param::Unexpected(_) => writer,
        };
    }
}

struct OneInput(Option<Input>);

impl<'de> DictionaryVisitor<'de> for OneInput {
    type Out = Input;
    type Error = Malformed;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Malformed> {
        if self.0.is_some() {
            return Err(Malformed("more than one signature"));
        }
        Ok(self.0.insert(Input {
            label: key.as_str().to_owned(),
            components: Vec::new(),
            params: Vec::new(),
        }))
    }

    fn finish(self) -> Result<Input, Malformed> {
        self.0.ok_or(Malformed("no signature"))
    }
}

impl<'de> EntryVisitor<'de> for &mut Input {
    type Error = Malformed;

    fn item(self) -> Result<impl ItemVisitor<'de>, Malformed> {
        Err::<Ignored, _>(Malformed("the covered components must be a list"))
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Malformed> {
        Ok(self)
    }
}

impl<'de> InnerListVisitor<'de> for &mut Input {
    type Error = Malformed;

    fn item(&mut self) -> Result<impl ItemVisitor<'de>, Malformed> {
        Ok(ComponentName(&mut self.components))
    }

    fn finish(self) -> Result<impl ParameterVisitor<'de>, Malformed> {
        Ok(SignatureParams(&mut self.params))
    }
}

struct ComponentName<'a>(&'a mut Vec<(String, bool)>);

impl<'de> ItemVisitor<'de> for ComponentName<'_> {
    type Out = ();
    type Error = Malformed;

    fn bare_item(
        self,
        item: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Malformed> {
        let BareItemFromInput::String(name) = item else {
            return Err(Malformed("a component's name must be a string"));
        };
        self.0.push((name.as_str().to_owned(), true));
        Ok(ComponentParams(self.0))
    }
}

struct ComponentParams<'a>(&'a mut Vec<(String, bool)>);

impl<'de> ParameterVisitor<'de> for ComponentParams<'_> {
    type Out = ();
    type Error = Malformed;

    fn parameter(&mut self, _: &'de KeyRef, _: BareItemFromInput<'de>) -> Result<(), Malformed> {
        if let Some((_, plain)) = self.0.last_mut() {
            *plain = false;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Malformed> {
        Ok(())
    }
}

struct SignatureParams<'a>(&'a mut Vec<Param>);

impl<'de> ParameterVisitor<'de> for SignatureParams<'_> {
    type Out = ();
    type Error = Malformed;

    fn parameter(
        &mut self,
        key: &'de KeyRef,
        value: BareItemFromInput<'de>,
    ) -> Result<(), Malformed> {
        self.0.push(match value {
            BareItemFromInput::Integer(seconds) if key == CREATED => Param::Created(seconds.into()),
            BareItemFromInput::String(id) if key == KEYID => Param::KeyId(id.into_owned()),
            BareItemFromInput::String(alg) if key == ALG => Param::Alg(alg.into_owned()),
            BareItemFromInput::String(tag) if key == TAG => Param::Tag(tag.into_owned()),
            _ => Param::Unexpected(key.as_str().to_owned()),
        });
        Ok(())
    }

    fn finish(self) -> Result<(), Malformed> {
        Ok(())
    }
}

struct OneSignature(Option<(String, Vec<u8>)>);

impl<'de> DictionaryVisitor<'de> for OneSignature {
    type Out = (String, Vec<u8>);
    type Error = Malformed;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Malformed> {
        if self.0.is_some() {
            return Err(Malformed("more than one signature"));
        }
        Ok(SignatureEntry(
            &mut self.0.insert((key.as_str().to_owned(), Vec::new())).1,
        ))
    }

    fn finish(self) -> Result<Self::Out, Malformed> {
        self.0.ok_or(Malformed("no signature"))
    }
}

struct SignatureEntry<'a>(&'a mut Vec<u8>);

impl<'de> EntryVisitor<'de> for SignatureEntry<'_> {
    type Error = Malformed;

    fn item(self) -> Result<impl ItemVisitor<'de>, Malformed> {
        Ok(move |item: BareItemFromInput<'de>| match item {
            BareItemFromInput::ByteSequence(bytes) => {
                *self.0 = bytes;
                Ok(Ignored)
            }
            _ => Err(Malformed("a signature must be a byte sequence")),
        })
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Malformed> {
        Err::<Ignored, _>(Malformed("a signature must be a byte sequence"))
    }
}
