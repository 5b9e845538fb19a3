#include "runtime/transport/handshake.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdio>

#include "runtime/common/assert.h"
#include "runtime/common/random.h"
#include "runtime/messages/kinds.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

namespace {

constexpr std::string_view kMagic = "ORRERY";
constexpr size_t kHelloBytes = 4 * 8 + 32;          // self, expected, nonce
constexpr size_t kChallengeBytes = 4 + 16 + 32 + 32;  // code, self, nonce, proof; then the message

void PutU64(uint64_t value, std::string& out) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}
uint64_t GetNumber(std::string_view bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}
void PutAddress(const Address& address, std::string& out) {
  PutU64(address.endpoint, out);
  PutU64(address.incarnation, out);
}
Address GetAddress(std::string_view bytes, size_t at) { return {GetNumber(bytes, at, 8), GetNumber(bytes, at + 8, 8)}; }

std::string VersionText(uint16_t version, uint64_t fingerprint) {
  char text[64];
  std::snprintf(text, sizeof text, "%u (messages %08x)", version, static_cast<unsigned>(fingerprint >> 32));
  return text;
}

}  // namespace

uint64_t MessageTableFingerprint() {
  static const uint64_t fingerprint = HashName(MessageTableMarkdown());
  return fingerprint;
}

uint64_t ClusterTag(const std::string& token) {
  constexpr std::string_view kPurpose = "cluster tag";
  std::array<uint8_t, 32> digest{};
  ORRERY_ASSERT(HMAC(EVP_sha256(), token.data(), static_cast<int>(token.size()),
                     reinterpret_cast<const uint8_t*>(kPurpose.data()), kPurpose.size(), digest.data(),
                     nullptr) != nullptr);
  uint64_t tag = 0;
  std::copy_n(digest.begin(), sizeof tag, reinterpret_cast<uint8_t*>(&tag));
  return tag;
}

Handshake::Handshake(Side side, const Identity& identity, const Address& expected)
    : side_(side), identity_(identity), expected_(expected) {
  ORRERY_ASSERT(RAND_bytes(own_nonce_.data(), static_cast<int>(own_nonce_.size())) == 1);
}

void Handshake::AppendPreamble(std::string& out) const {
  out.append(kMagic);
  out.push_back(static_cast<char>(identity_.version));
  out.push_back(static_cast<char>(identity_.version >> 8));
  PutU64(identity_.fingerprint, out);
}

std::string Handshake::Start() {
  std::string out;
  if (side_ == Side::kListener) return out;
  AppendPreamble(out);
  std::string body;
  PutAddress(identity_.self, body);
  PutAddress(expected_, body);
  body.append(reinterpret_cast<const char*>(own_nonce_.data()), own_nonce_.size());
  AppendFrame(static_cast<uint16_t>(HandshakeKind::kHello), 0, body, out);
  return out;
}

Status Handshake::Fail(StatusCode code, std::string message) {
  state_ = State::kFailed;
  return {code, std::move(message)};
}

Status Handshake::OnPreamble(std::string_view bytes, std::string* reply) {
  ORRERY_ASSERT(state_ == State::kPreamble && bytes.size() == kPreambleBytes);
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return Fail(StatusCode::kInvalidArgument, "the other end does not speak Orrery's protocol");
  }
  const auto version = static_cast<uint16_t>(GetNumber(bytes, 6, 2));
  const uint64_t fingerprint = GetNumber(bytes, 8, 8);
  if (version != identity_.version || fingerprint != identity_.fingerprint) {
    // The dialler reads the listener's version from its preamble and can name both as well.
    if (side_ == Side::kListener) AppendPreamble(*reply);
    return Fail(StatusCode::kPermissionDenied, "protocol version mismatch: this process speaks " +
                                                   VersionText(identity_.version, identity_.fingerprint) +
                                                   ", the other end " + VersionText(version, fingerprint));
  }
  state_ = side_ == Side::kListener ? State::kHello : State::kChallenge;
  return Status::Ok();
}

Status Handshake::OnFrame(const Frame& frame, std::string* reply) {
  const auto kind = static_cast<HandshakeKind>(frame.kind);
  if (state_ == State::kHello && kind == HandshakeKind::kHello) return OnHello(frame.body, reply);
  if (state_ == State::kChallenge && kind == HandshakeKind::kChallenge) return OnChallenge(frame.body, reply);
  if (state_ == State::kProof && kind == HandshakeKind::kProof) return OnProof(frame.body);
  return Fail(StatusCode::kInvalidArgument, "frame of kind " + std::to_string(frame.kind) + " during the handshake");
}

void Handshake::AppendChallenge(StatusCode code, const std::string& message, std::string& out) const {
  AppendPreamble(out);
  std::string body;
  for (int i = 0; i < 4; ++i) body.push_back(static_cast<char>(static_cast<uint32_t>(code) >> (8 * i)));
  PutAddress(identity_.self, body);
  body.append(reinterpret_cast<const char*>(own_nonce_.data()), own_nonce_.size());
  // A refused dialler gets no proof: it has no use for one.
  const Bytes32 proof = code == StatusCode::kOk ? ProofOf(Side::kListener) : Bytes32{};
  body.append(reinterpret_cast<const char*>(proof.data()), proof.size());
  body += message;
  AppendFrame(static_cast<uint16_t>(HandshakeKind::kChallenge), 0, body, out);
}

Status Handshake::OnHello(std::string_view body, std::string* reply) {
  if (body.size() != kHelloBytes) return Fail(StatusCode::kInvalidArgument, "malformed Hello");
  peer_ = GetAddress(body, 0);
  const Address wanted = GetAddress(body, 16);
  std::copy_n(body.begin() + 32, 32, peer_nonce_.begin());
  if (peer_.incarnation == 0 || peer_.local()) return Fail(StatusCode::kInvalidArgument, "Hello without an address");
  if (wanted.incarnation != 0 && wanted.incarnation != identity_.self.incarnation) {
    const std::string message = ToString(wanted) + " is gone; its successor is " + ToString(identity_.self);
    AppendChallenge(StatusCode::kNotFound, message, *reply);
    return Fail(StatusCode::kNotFound, message);
  }
  AppendChallenge(StatusCode::kOk, "", *reply);
  state_ = State::kProof;
  return Status::Ok();
}

Status Handshake::OnChallenge(std::string_view body, std::string* reply) {
  if (body.size() < kChallengeBytes) return Fail(StatusCode::kInvalidArgument, "malformed Challenge");
  const auto code = static_cast<StatusCode>(GetNumber(body, 0, 4));
  if (code != StatusCode::kOk) return Fail(StatusCode::kNotFound, std::string(body.substr(kChallengeBytes)));
  peer_ = GetAddress(body, 4);
  std::copy_n(body.begin() + 20, 32, peer_nonce_.begin());
  if (peer_.incarnation == 0 || (expected_.incarnation != 0 && peer_.incarnation != expected_.incarnation)) {
    return Fail(StatusCode::kNotFound, ToString(expected_) + " is gone; " + ToString(peer_) + " answered");
  }
  const Bytes32 proof = ProofOf(Side::kListener);
  if (CRYPTO_memcmp(proof.data(), body.data() + 52, proof.size()) != 0) {
    return Fail(StatusCode::kPermissionDenied, "the token of this process is not that of " + ToString(peer_));
  }
  const Bytes32 own = ProofOf(Side::kDialler);
  AppendFrame(static_cast<uint16_t>(HandshakeKind::kProof), 0, {reinterpret_cast<const char*>(own.data()), own.size()},
              *reply);
  state_ = State::kDone;
  return Status::Ok();
}

Status Handshake::OnProof(std::string_view body) {
  const Bytes32 proof = ProofOf(Side::kDialler);
  if (body.size() != proof.size() || CRYPTO_memcmp(proof.data(), body.data(), proof.size()) != 0) {
    return Fail(StatusCode::kPermissionDenied, "wrong token from " + ToString(peer_));
  }
  state_ = State::kDone;
  return Status::Ok();
}

Handshake::Bytes32 Handshake::ProofOf(Side side) const {
  const bool listening = side_ == Side::kListener;
  const Bytes32& dialler_nonce = listening ? peer_nonce_ : own_nonce_;
  const Bytes32& listener_nonce = listening ? own_nonce_ : peer_nonce_;
  std::string text = side == Side::kListener ? "listener" : "dialler";
  PutU64(identity_.version, text);
  text.append(reinterpret_cast<const char*>(dialler_nonce.data()), dialler_nonce.size());
  text.append(reinterpret_cast<const char*>(listener_nonce.data()), listener_nonce.size());
  PutAddress(listening ? peer_ : identity_.self, text);
  PutAddress(listening ? identity_.self : peer_, text);
  Bytes32 proof{};
  unsigned size = 0;
  ORRERY_ASSERT(HMAC(EVP_sha256(), identity_.token.data(), static_cast<int>(identity_.token.size()),
                     reinterpret_cast<const uint8_t*>(text.data()), text.size(), proof.data(), &size) != nullptr);
  ORRERY_ASSERT(size == proof.size());
  return proof;
}

}  // namespace orrery
