//! Just enough of the ONNX wire format to see whether a model keeps its weights in other files.
//!
//! A tensor may name an external file (`TensorProto.external_data`); loaders that follow such names have read files
//! outside the model's folder again and again. We ship models in one piece, so any such tensor means a wrong file.
//! Field numbers: onnx.proto3, IR version 9.

/// Deepest nesting that is looked into: graphs inside attributes of nodes of graphs … Real models use two or three.
const MAX_DEPTH: usize = 64;

/// Messages that can lead to a tensor.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Function,
}

impl Kind {
    /// The message that field `number` holds, when it is one of ours.
    fn child(self, number: u64) -> Option<Kind> {
        match (self, number) {
            (Kind::Model, 7) => Some(Kind::Graph),
            (Kind::Model, 25) => Some(Kind::Function),
            (Kind::Graph, 1) | (Kind::Function, 7) => Some(Kind::Node),
            (Kind::Graph, 5) => Some(Kind::Tensor),
            (Kind::Graph, 15) => Some(Kind::SparseTensor),
            (Kind::Node, 5) | (Kind::Function, 11) => Some(Kind::Attribute),
            (Kind::Attribute, 5 | 10) => Some(Kind::Tensor),
            (Kind::Attribute, 6 | 11) => Some(Kind::Graph),
            (Kind::Attribute, 22 | 23) => Some(Kind::SparseTensor),
            (Kind::SparseTensor, 1 | 2) => Some(Kind::Tensor),
            _ => None,
        }
    }
}

/// The bytes are no ONNX model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// True when any tensor of the model lives in another file.
pub fn has_external_data(model: &[u8]) -> Result<bool, Malformed> {
    if model.is_empty() {
        return Err(Malformed);
    }
    walk(model, Kind::Model, 0)
}

fn walk(mut message: &[u8], kind: Kind, depth: usize) -> Result<bool, Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed);
    }
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let number = tag >> 3;
        match tag & 7 {
            0 => {
                let value = varint(&mut message)?;
                // TensorProto.data_location = EXTERNAL
                if matches!(kind, Kind::Tensor) && number == 14 && value == 1 {
                    return Ok(true);
                }
            }
            1 => _ = take(&mut message, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).map_err(|_| Malformed)?;
                let field = take(&mut message, length)?;
                // TensorProto.external_data
                if matches!(kind, Kind::Tensor) && number == 13 {
                    return Ok(true);
                }
                if let Some(child) = kind.child(number)
                    && walk(field, child, depth + 1)?
                {
                    return Ok(true);
                }
            }
            5 => _ = take(&mut message, 4)?,
            _ => return Err(Malformed),
        }
    }
    Ok(false)
}

fn take<'a>(message: &mut &'a [u8], n: usize) -> Result<&'a [u8], Malformed> {
    let (head, rest) = message.split_at_checked(n).ok_or(Malformed)?;
    *message = rest;
    Ok(head)
}

fn varint(message: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = message.split_first().ok_or(Malformed)?;
        *message = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, payload: &[u8]) -> Vec<u8> {
        assert!(payload.len() < 128 && number < 16);
        [&[number << 3 | 2, payload.len() as u8], payload].concat()
    }

    /// A model with one initializer, inside an `if` branch when `nested`.
    fn model(tensor: &[u8], nested: bool) -> Vec<u8> {
        let graph = field(5, tensor);
        if nested { field(7, &field(1, &field(5, &field(6, &graph)))) } else { field(7, &graph) }
    }

    #[test]
    fn weights_in_other_files_are_seen_at_any_depth() {
        let inside = field(9, b"1234");
        let by_location = [14 << 3, 1];
        let by_entry = field(13, &field(1, b"location"));
        for nested in [false, true] {
            assert_eq!(has_external_data(&model(&inside, nested)), Ok(false));
            assert_eq!(has_external_data(&model(&by_location, nested)), Ok(true));
            assert_eq!(has_external_data(&model(&by_entry, nested)), Ok(true));
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        // An attribute that holds a graph that holds a node that holds an attribute, written from the inside out.
        let mut bytes = Vec::new();
        for _ in 0..10 {
            for number in [6u8, 5, 1] {
                let mut outer = vec![number << 3 | 2];
                let mut n = bytes.len();
                while n >= 128 {
                    outer.push((n & 127) as u8 | 128);
                    n >>= 7;
                }
                outer.push(n as u8);
                outer.extend(&bytes);
                bytes = outer;
            }
        }
        assert_eq!(walk(&bytes, Kind::Graph, 0), Ok(false));
        assert_eq!(walk(&bytes, Kind::Graph, MAX_DEPTH - 5), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = has_external_data(&bytes);
        }
    }
}
