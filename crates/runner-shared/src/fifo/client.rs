//! The integration's side of the conversation, over any pair of byte streams. Opens nothing.

use std::io::{self, Read, Write};

use super::{
    command::{Command, CommandError, IntegrationMode, PROTOCOL_VERSION},
    frame::{FrameDecoder, FrameError},
};

/// Messages are sent together while they fit in what a FIFO takes in one piece (`PIPE_BUF`), so
/// that they can't be torn apart by another writer.
pub const MAX_BATCH_BYTES: usize = 4096;

/// The reason why a conversation with the runner ended.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Reading or writing failed, or the answer did not come in time.
    #[error("the runner does not respond")]
    Io(#[from] io::Error),
    /// The runner closed its side.
    #[error("the runner has exited")]
    Closed,
    /// The runner sent what is no frame.
    #[error("invalid response from the runner")]
    Frame(#[from] FrameError),
    /// The runner sent what is no message.
    #[error("invalid response from the runner")]
    Message(#[from] CommandError),
    /// The runner refused a message.
    #[error("the runner refused `{request}`")]
    Refused {
        /// The message that was refused.
        request: String,
    },
}

/// One side of a FIFO pair: `ctl` takes our messages, `ack` brings the answers.
#[derive(Debug)]
pub struct Client<W, R> {
    ctl: W,
    ack: R,
    decoder: FrameDecoder,
}

impl<W: Write, R: Read> Client<W, R> {
    /// Takes over two open streams. Nothing is sent yet.
    pub fn new(ctl: W, ack: R) -> Self {
        Self { ctl, ack, decoder: FrameDecoder::default() }
    }

    /// Says which protocol we speak and asks for the mode.
    pub fn handshake(&mut self) -> Result<IntegrationMode, ClientError> {
        self.expect_ack(&Command::SetVersion(PROTOCOL_VERSION))?;
        let answer = self.exchange(&Command::GetIntegrationMode)?;
        let Command::IntegrationModeResponse(mode) = answer else {
            return Err(ClientError::Refused { request: "GetIntegrationMode".to_owned() });
        };
        Ok(mode)
    }

    /// Sends a message and waits for its answer.
    pub fn exchange(&mut self, command: &Command) -> Result<Command, ClientError> {
        self.ctl.write_all(&command.encode())?;
        self.answer()
    }

    /// Sends a message that must be granted.
    pub fn expect_ack(&mut self, command: &Command) -> Result<(), ClientError> {
        let answer = self.exchange(command)?;
        granted(command, &answer)
    }

    /// Sends many messages in few writes and waits for all answers.
    pub fn expect_acks(&mut self, commands: &[Command]) -> Result<(), ClientError> {
        let mut batch = Vec::with_capacity(MAX_BATCH_BYTES);
        let mut sent = Vec::new();
        for command in commands {
            let frame = command.encode();
            if batch.len() + frame.len() > MAX_BATCH_BYTES {
                self.send_batch(&mut batch, &mut sent)?;
            }
            batch.extend_from_slice(&frame);
            sent.push(command);
        }
        self.send_batch(&mut batch, &mut sent)
    }

    fn send_batch(
        &mut self,
        batch: &mut Vec<u8>,
        sent: &mut Vec<&Command>,
    ) -> Result<(), ClientError> {
        self.ctl.write_all(batch)?;
        batch.clear();
        for command in sent.drain(..) {
            let answer = self.answer()?;
            granted(command, &answer)?;
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<Command, ClientError> {
        loop {
            if let Some(payload) = self.decoder.next_frame()? {
                return Ok(Command::decode(payload)?);
            }
            let mut chunk = [0; 1024];
            let len = match self.ack.read(&mut chunk) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(len) => len,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(err.into()),
            };
            self.decoder.push(chunk.get(..len).unwrap_or_default());
        }
    }
}

fn granted(command: &Command, answer: &Command) -> Result<(), ClientError> {
    if *answer == Command::Ack {
        return Ok(());
    }
    let request = format!("{command:?}");
    Err(ClientError::Refused { request })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fifo::MarkerType;

    fn answers(answers: &[Command]) -> Vec<u8> {
        answers.iter().flat_map(Command::encode).collect()
    }

    #[test]
    fn handshake_sends_version_then_asks_for_the_mode() {
        let ack =
            answers(&[Command::Ack, Command::IntegrationModeResponse(IntegrationMode::Walltime)]);
        let mut ctl = Vec::new();
        let mode = Client::new(&mut ctl, ack.as_slice()).handshake().unwrap();
        assert_eq!(mode, IntegrationMode::Walltime);
        assert_eq!(ctl, answers(&[Command::SetVersion(2), Command::GetIntegrationMode]));
    }

    #[test]
    fn refusals_and_silence_are_errors() {
        let refused = answers(&[Command::Err]);
        let mut client = Client::new(Vec::new(), refused.as_slice());
        assert!(matches!(client.handshake(), Err(ClientError::Refused { .. })));
        let mut client = Client::new(Vec::new(), [].as_slice());
        assert!(matches!(client.handshake(), Err(ClientError::Closed)));
    }

    #[test]
    fn a_batch_is_sent_in_atomic_pieces_and_every_answer_is_awaited() {
        struct Pieces(Vec<usize>);
        impl Write for Pieces {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.len());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let markers: Vec<_> = (0..1000)
            .map(|at| Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(at) })
            .collect();
        let ack = answers(&vec![Command::Ack; 1000]);
        let mut pieces = Pieces(Vec::new());
        Client::new(&mut pieces, ack.as_slice()).expect_acks(&markers).unwrap();
        assert!(pieces.0.iter().all(|len| *len <= MAX_BATCH_BYTES), "{:?}", pieces.0);
        assert_eq!(pieces.0.iter().sum::<usize>(), 24 * 1000);

        let short = answers(&vec![Command::Ack; 999]);
        let outcome = Client::new(Vec::new(), short.as_slice()).expect_acks(&markers);
        assert!(matches!(outcome, Err(ClientError::Closed)));
    }
}
