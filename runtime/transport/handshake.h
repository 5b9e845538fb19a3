// The first bytes of a connection: are both ends Orrery, of one version, of one cluster, and who are they?
//
//   dialler                                   listener
//   preamble, Hello{self, expected, nonce}  →
//                                           ← preamble, Challenge{status, self, nonce, proof of the listener}
//   Proof{proof of the dialler}, messages…  →
//
// A proof is HMAC-SHA256(token, role | version | both nonces | both addresses): the token never travels, and a recorded
// proof is worth nothing on another connection. The preamble (magic, protocol version, fingerprint of the message
// table) has the same place in every version, so that a mismatch can name both.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/common/status.h"
#include "runtime/env/address.h"
#include "runtime/transport/frame.h"

namespace orrery {

inline constexpr uint16_t kProtocolVersion = 1;
inline constexpr size_t kPreambleBytes = 16;
inline constexpr size_t kMaxHandshakeBody = 1024;

// Frame kinds of the handshake; far above every MessageKind.
enum class HandshakeKind : uint16_t { kHello = 0xfff0, kChallenge = 0xfff1, kProof = 0xfff2 };

// A hash of the message table: processes built from different tables would misread one another.
uint64_t MessageTableFingerprint();

// A number by which those who know the token tell their cluster from others.
uint64_t ClusterTag(const std::string& token);

// One end of one handshake: bytes in, bytes out, no sockets and no clock.
class Handshake {
 public:
  enum class Side { kDialler, kListener };
  struct Identity {
    Address self{};
    std::string token{};
    uint16_t version = kProtocolVersion;  // other values are for tests
    uint64_t fingerprint = MessageTableFingerprint();
  };
  // `expected`: whom the dialler wants; incarnation 0 accepts any.
  Handshake(Side side, const Identity& identity, const Address& expected);

  // What to send first (dialler: preamble and Hello; listener: the preamble goes with the Challenge).
  std::string Start();
  // The peer's preamble, exactly kPreambleBytes. An error is final. `reply` gets bytes to send before closing.
  Status OnPreamble(std::string_view bytes, std::string* reply);
  // A frame of the peer. `reply` gets bytes to send, also when the result is an error.
  Status OnFrame(const Frame& frame, std::string* reply);
  // Both ends are proven; messages may follow. The dialler's are valid only behind its Proof.
  bool done() const { return state_ == State::kDone; }
  // The peer's full address; valid when done.
  const Address& peer() const { return peer_; }

 private:
  enum class State { kPreamble, kHello, kChallenge, kProof, kDone, kFailed };
  using Bytes32 = std::array<uint8_t, 32>;
  Status Fail(StatusCode code, std::string message);
  Status OnHello(std::string_view body, std::string* reply);
  Status OnChallenge(std::string_view body, std::string* reply);
  Status OnProof(std::string_view body);
  void AppendPreamble(std::string& out) const;
  void AppendChallenge(StatusCode code, const std::string& message, std::string& out) const;
  Bytes32 ProofOf(Side side) const;

  const Side side_;
  const Identity identity_;
  const Address expected_;
  State state_ = State::kPreamble;
  Address peer_;
  Bytes32 own_nonce_;
  Bytes32 peer_nonce_{};
};

}  // namespace orrery
