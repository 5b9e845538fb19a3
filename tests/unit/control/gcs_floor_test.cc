// request_resources: one floor per job, expiry, and that floors outlive the GCS which noted them.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>

#include "runtime/gcs/gcs.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kClient{3000, 1};

// A GCS, its disk, and whoever asks it.
class FloorTest : public testing::Test {
 protected:
  FloorTest() { Restart(); }
  // The GCS is killed; its successor finds what was stored.
  void Restart() {
    StoredState stored{.durable = true, .rows = {}};
    for (const auto& [key, value] : disk_) stored.rows.push_back({key.first, key.second, value});
    gcs_ = std::make_unique<Gcs>(env_, Settings(), std::move(stored));
  }
  template <class Body>
  void Hear(Draft<Body> message) {
    gcs_->OnMessage(kClient, std::move(message));
    for (auto& sent : env_.TakeAll(MessageKind::kStoreState)) {
      const auto& batch = sent.message.template As<msg::StoreState>();
      for (const msg::StateChange& change : batch.changes()) {
        const std::pair key{static_cast<StateTable>(change.table()), change.key()};
        disk_.erase(key);
        if (!change.erased()) disk_[key] = change.value();
      }
      Draft<msg::StateStored> stored;
      stored->set_batch(batch.batch());
      gcs_->OnMessage(Address::Storage(), std::move(stored));
    }
  }
  // Asks for `cpus` bundles of one CPU; none takes the request back.
  void Request(uint32_t job, uint64_t cpus, Duration expires = {}) {
    Draft<msg::RequestResources> request;
    request->set_request(9);
    request->set_job(job);
    request->set_expires_ns(expires.ns);
    if (cpus > 0) {
      msg::DemandStatus* bundle = request->add_bundles();
      ToProto(SchedulingRequest{ResourceSet::Cpu(1), {}}, bundle->mutable_spec());
      bundle->set_count(cpus);
    }
    Hear(std::move(request));
    EXPECT_EQ(env_.Take<msg::RequestResourcesReply>(kClient).request(), 9u);
  }
  // What the autoscaler is told to keep.
  uint64_t Floor() {
    Hear(Draft<msg::GetAutoscalerState>());
    uint64_t cpus = 0;
    const auto state = env_.Take<msg::AutoscalerState>(kClient);
    for (const msg::DemandStatus& bundle : state.floor()) cpus += bundle.count();
    return cpus;
  }
  uint32_t StartJob() {
    Draft<msg::RegisterJob> job;
    job->set_driver(77);
    Hear(std::move(job));
    return env_.Take<msg::RegisterJobReply>(kClient).job();
  }
  bool Stored() const {
    return disk_.lower_bound({StateTable::kFloors, ""}) != disk_.lower_bound({StateTable{10}, ""});
  }

  RecordingEnv env_;
  std::map<std::pair<StateTable, std::string>, std::string> disk_;
  std::unique_ptr<Gcs> gcs_;
};

TEST_F(FloorTest, OutlivesTheGcsUntilItIsTakenBack) {
  Request(0, 4);
  Restart();
  EXPECT_EQ(Floor(), 4u);
  Request(0, 6);
  Restart();
  EXPECT_EQ(Floor(), 6u) << "the last request replaces the one before";
  Request(0, 0);
  Restart();
  EXPECT_EQ(Floor(), 0u);
  EXPECT_FALSE(Stored());
}

TEST_F(FloorTest, ExpiresWhenItWouldHaveWithoutTheDeath) {
  Request(0, 4, Duration::Seconds(60));
  env_.Advance(Duration::Seconds(40));
  Restart();
  EXPECT_EQ(Floor(), 4u);
  env_.Advance(Duration::Seconds(19));
  Restart();
  EXPECT_EQ(Floor(), 4u);
  env_.Advance(Duration::Seconds(1));
  EXPECT_EQ(Floor(), 0u);
  EXPECT_FALSE(Stored());
}

TEST_F(FloorTest, IsGoneWhenItExpiredWhileThereWasNoGcs) {
  Request(0, 4, Duration::Seconds(60));
  env_.Advance(Duration::Seconds(61));
  Restart();
  EXPECT_EQ(Floor(), 0u);
}

TEST_F(FloorTest, AClockThatBeganAnewDoesNotProlongIt) {
  env_.Advance(Duration::Seconds(1'000'000));
  Request(0, 4, Duration::Seconds(60));
  env_.Advance(Duration::Seconds(-1'000'000));  // the machine was restarted
  Restart();
  EXPECT_EQ(Floor(), 4u);
  env_.Advance(Duration::Seconds(60));
  EXPECT_EQ(Floor(), 0u);
}

TEST_F(FloorTest, EndsWithItsJobAlone) {
  const uint32_t job = StartJob();
  Request(0, 1);
  Request(job, 4);
  EXPECT_EQ(Floor(), 5u);
  Restart();
  EXPECT_EQ(Floor(), 5u);
  Draft<msg::FinishJob> finish;
  finish->set_job(job);
  Hear(std::move(finish));
  env_.Take<msg::FinishJobReply>(kClient);
  EXPECT_EQ(Floor(), 1u);
  Restart();
  EXPECT_EQ(Floor(), 1u);
}

TEST_F(FloorTest, AJobThatIsOverOrUnknownHasNone) {
  const uint32_t job = StartJob();
  Draft<msg::FinishJob> finish;
  finish->set_job(job);
  Hear(std::move(finish));
  env_.Take<msg::FinishJobReply>(kClient);
  Request(job, 4);
  Request(job + 1, 4);
  EXPECT_EQ(Floor(), 0u);
  EXPECT_FALSE(Stored());
}

}  // namespace
}  // namespace orrery::test
