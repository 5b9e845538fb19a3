#include "tests/conformance/providers/live_world.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace orrery {

class LiveProviderWorld::Inbox final : public StateMachine {
 public:
  explicit Inbox(ProviderWorld& world) : world_(world) {}
  void OnMessage(const Address&, Message message) override { world_.inbox.push_back(std::move(message)); }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}

 private:
  ProviderWorld& world_;
};

LiveProviderWorld::LiveProviderWorld() : folder_("/tmp/orrery-providers-XXXXXX"), machine_(new Inbox(*this)) {
  EXPECT_NE(mkdtemp(folder_.data()), nullptr);
}

LiveProviderWorld::~LiveProviderWorld() { std::filesystem::remove_all(folder_); }

void LiveProviderWorld::Begin() {
  LiveOptions options;
  options.role = "test";
  options.token = "providers";
  env_ = LiveEnv::Create(options).value();
  provider_ = MakeProvider(*env_);
  env_->SetLocalEndpoint(Address::Provider(), provider_.get());
  env_->SetStateMachine(machine_.get());
  env_->Acquire();
}

void LiveProviderWorld::End() {
  provider_.reset();
  env_.reset();
}

void LiveProviderWorld::Replace() {
  End();
  inbox.clear();
  Begin();
}

void LiveProviderWorld::Send(Message message) { env_->Send(Address::Provider(), std::move(message)); }

bool LiveProviderWorld::RunUntil(const std::function<bool()>& condition) {
  const Time end = env_->Now() + Duration::Seconds(60);
  while (!condition()) {
    if (env_->Now() > end) return false;
    env_->RunOne(Duration::Millis(10));
  }
  return true;
}

}  // namespace orrery
