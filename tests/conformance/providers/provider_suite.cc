// What an autoscaler may rely on, of every provider.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/messages/orrery.pb.h"
#include "tests/conformance/providers/provider_world.h"

namespace orrery {
namespace {

class ProviderConformance : public testing::Test {
 protected:
  ~ProviderConformance() override {
    for (const auto& [instance, row] : List()) Terminate({row.cloud_id()});
    EXPECT_TRUE(world_->RunUntil([&] { return List().empty(); })) << "what was launched stays";
  }
  // Takes the first message of this kind, when it comes.
  template <class Body>
  Body Await() {
    size_t at = 0;
    const bool came = world_->RunUntil([&] {
      for (at = 0; at < world_->inbox.size(); ++at) {
        if (world_->inbox[at].kind() == KindOf<Body>::kValue) return true;
      }
      return false;
    });
    EXPECT_TRUE(came) << "no answer";
    if (!came) return {};
    Body body;
    body.CopyFrom(world_->inbox[at].As<Body>());
    world_->inbox.erase(world_->inbox.begin() + static_cast<int64_t>(at));
    return body;
  }
  msg::InstanceList Listed() {
    Draft<msg::ListInstances> list;
    list->set_request(++request_);
    world_->Send(std::move(list));
    auto reply = Await<msg::InstanceList>();
    EXPECT_EQ(reply.request(), request_);
    EXPECT_EQ(reply.status(), 0u) << reply.message();
    return reply;
  }
  std::map<uint64_t, msg::CloudInstance> List() {
    std::map<uint64_t, msg::CloudInstance> rows;
    const msg::InstanceList list = Listed();
    for (const msg::CloudInstance& row : list.instances()) {
      EXPECT_TRUE(rows.emplace(row.instance(), row).second) << "listed twice: " << row.instance();
    }
    return rows;
  }
  // Instance → what became of it.
  std::map<uint64_t, msg::LaunchOutcome> Launch(const std::vector<uint64_t>& instances,
                                                const std::string& type = "small") {
    Draft<msg::LaunchInstances> launch;
    launch->set_request(++request_);
    launch->set_node_type(type);
    for (const uint64_t instance : instances) launch->add_instances(instance);
    world_->Send(std::move(launch));
    std::map<uint64_t, msg::LaunchOutcome> outcomes;
    const auto reply = Await<msg::InstancesLaunched>();
    EXPECT_EQ(reply.request(), request_);
    for (const msg::LaunchOutcome& outcome : reply.outcomes()) outcomes[outcome.instance()] = outcome;
    return outcomes;
  }
  void Terminate(const std::vector<std::string>& cloud_ids) {
    Draft<msg::TerminateInstances> terminate;
    terminate->set_request(++request_);
    for (const std::string& cloud_id : cloud_ids) terminate->add_cloud_ids(cloud_id);
    world_->Send(std::move(terminate));
    const auto reply = Await<msg::InstancesTerminated>();
    EXPECT_EQ(reply.status(), 0u) << reply.message();
    EXPECT_EQ(std::vector<std::string>(reply.cloud_ids().begin(), reply.cloud_ids().end()), cloud_ids);
  }
  std::string LaunchOne(uint64_t instance) {
    const msg::LaunchOutcome outcome = Launch({instance})[instance];
    EXPECT_EQ(outcome.status(), 0u) << outcome.message();
    EXPECT_NE(outcome.cloud_id(), "");
    return outcome.cloud_id();
  }
  void AwaitStart(uint64_t instance) {
    EXPECT_TRUE(world_->RunUntil([&] { return world_->Starts(instance) > 0; }));
  }
  bool Gone(uint64_t instance) {
    return world_->RunUntil([&] { return List().count(instance) == 0; });
  }

  std::unique_ptr<ProviderWorld> world_ = ProviderWorld::Make();
  uint64_t request_ = 0;
};

TEST_F(ProviderConformance, ListsNothingAtFirst) { EXPECT_TRUE(List().empty()); }

TEST_F(ProviderConformance, ALaunchIsListedUnderItsNumberAndType) {
  const std::string cloud_id = LaunchOne(7);
  const auto rows = List();
  ASSERT_EQ(rows.count(7), 1u);
  EXPECT_EQ(rows.at(7).cloud_id(), cloud_id);
  EXPECT_EQ(rows.at(7).node_type(), "small");
  EXPECT_FALSE(rows.at(7).terminating());
}

TEST_F(ProviderConformance, ALaunchThatIsAskedAgainIsTheFirstOne) {
  const std::string first = LaunchOne(1);
  EXPECT_EQ(LaunchOne(1), first);
  EXPECT_EQ(List().size(), 1u);
  AwaitStart(1);
  EXPECT_EQ(world_->Starts(1), 1);
}

TEST_F(ProviderConformance, ANumberThatHasEndedIsNotStartedAgain) {
  const std::string first = LaunchOne(1);
  AwaitStart(1);
  Terminate({first});
  ASSERT_TRUE(Gone(1));
  EXPECT_EQ(LaunchOne(1), first);
  EXPECT_EQ(List().count(1), 0u);
  EXPECT_EQ(world_->Starts(1), 1);
}

TEST_F(ProviderConformance, SeveralAreLaunchedByOneRequest) {
  const auto outcomes = Launch({4, 5});
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_NE(outcomes.at(4).cloud_id(), outcomes.at(5).cloud_id());
  EXPECT_EQ(List().size(), 2u);
}

TEST_F(ProviderConformance, TerminatingTwiceIsTerminatingOnce) {
  const std::string cloud_id = LaunchOne(1);
  Terminate({cloud_id});
  Terminate({cloud_id});
  EXPECT_TRUE(Gone(1));
  Terminate({cloud_id});
}

TEST_F(ProviderConformance, WhatNeverWasIsTerminatedAlready) { Terminate({"no-such-instance"}); }

TEST_F(ProviderConformance, BeyondTheQuotaIsRefusedAndTheRestIsNot) {
  const auto outcomes = Launch({1, 2, 3, 4});
  ASSERT_EQ(outcomes.size(), 4u);
  for (const uint64_t instance : {1, 2, 3}) EXPECT_EQ(outcomes.at(instance).status(), 0u);
  EXPECT_NE(outcomes.at(4).status(), 0u);
  EXPECT_NE(outcomes.at(4).message().find("quota"), std::string::npos) << outcomes.at(4).message();
  EXPECT_EQ(outcomes.at(4).cloud_id(), "");
  EXPECT_EQ(List().size(), static_cast<size_t>(ProviderWorld::kQuota));
  // Room for one more, and now it is launched after all.
  Terminate({outcomes.at(1).cloud_id()});
  ASSERT_TRUE(Gone(1));
  LaunchOne(4);
}

TEST_F(ProviderConformance, ATypeThatItDoesNotKnowIsRefused) {
  const auto outcomes = Launch({1}, "huge");
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_NE(outcomes.at(1).status(), 0u);
  EXPECT_NE(outcomes.at(1).message(), "");
  EXPECT_TRUE(List().empty());
}

TEST_F(ProviderConformance, WhatEndsByItselfIsTold) {
  const std::string cloud_id = LaunchOne(1);
  AwaitStart(1);
  world_->EndByItself(cloud_id, 1);
  EXPECT_TRUE(Gone(1));
  const auto event = Await<msg::InstanceEvent>();
  EXPECT_EQ(event.cloud_id(), cloud_id);
  EXPECT_TRUE(event.gone());
}

TEST_F(ProviderConformance, AReplacedProviderKnowsAllOfTheOneBefore) {
  const std::string first = LaunchOne(1), second = LaunchOne(2);
  AwaitStart(1);
  AwaitStart(2);
  Terminate({second});
  ASSERT_TRUE(Gone(2));
  world_->Replace();
  const auto rows = List();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.at(1).cloud_id(), first);
  EXPECT_EQ(LaunchOne(1), first);
  EXPECT_EQ(LaunchOne(2), second);
  EXPECT_EQ(world_->Starts(1), 1);
  EXPECT_EQ(world_->Starts(2), 1);
  world_->EndByItself(first, 1);
  EXPECT_TRUE(Gone(1)) << "of an instance that the one before has launched";
}

TEST_F(ProviderConformance, ItSaysWhatItCanDo) {
  const msg::InstanceList list = Listed();
  EXPECT_TRUE(list.max_instances() == 0 || list.max_instances() == ProviderWorld::kQuota);
}

}  // namespace
}  // namespace orrery
