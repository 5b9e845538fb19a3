#include "runtime/api/stored.h"

#include "runtime/api/client.h"
#include "runtime/api/outgoing.h"

namespace orrery::internal {

// ---- reading ----

std::string_view OpenStored(std::string_view stored, uint64_t tag, std::string_view type_name, StoredHeader* header) {
  if (stored.size() < kStoredHeader) Reader::Fail("it is shorter than its header");
  std::memcpy(header, stored.data(), kStoredHeader);
  if (header->magic != kStoredMagic || header->bytes != stored.size() - kStoredHeader)
    Reader::Fail("it does not begin like one");
  if (header->type != tag) {
    std::string written(header->name.data(), header->name.size());
    written.resize(std::min(written.find('\0'), written.size()));
    throw MalformedError("the value is a " + written + ", not a " + std::string(type_name));
  }
  return stored.substr(kStoredHeader);
}

// ---- writing ----

Outgoing::Outgoing(std::string& bytes)
    : client_(&Client::Current()), bytes_(bytes), limit_(client_->options().inline_limit) {}

Outgoing::Outgoing(std::string& bytes, ObjectId object) : Outgoing(bytes) {
  object_ = object;
  result_ = true;
}

Outgoing::~Outgoing() {
  if (written_) client_->Abandon(object_);
}

char* Outgoing::Allocate(const StoredHeader& header) {
  size_ = static_cast<int64_t>(kStoredHeader + header.bytes);
  if (!result_) object_ = client_->NewPut();
  char* to = client_->Allocate(object_, size_, result_);
  if (to == nullptr) return nullptr;
  written_ = true;
  std::memcpy(to, &header, kStoredHeader);
  return to + kStoredHeader;
}

}  // namespace orrery::internal
