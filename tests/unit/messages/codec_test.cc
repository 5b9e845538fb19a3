// Every kind of message through the codec and back, with every field set.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "runtime/common/random.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;
using Proto = google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

void Fill(Proto& message, Random& random);

std::string Bytes(Random& random) {
  std::string text(1 + random.Below(20), '\0');
  for (char& c : text) c = static_cast<char>(random.Below(128));
  return text;
}

void FillField(Proto& message, const FieldDescriptor* field, Random& random) {
  const Reflection* access = message.GetReflection();
  const bool many = field->is_repeated();
  for (int copies = many ? 3 : 1; copies > 0; --copies) {
    const uint64_t bits = random.Next() | 1;
    switch (field->cpp_type()) {
#define ORRERY_FILL(type, name, value)                                                            \
  case FieldDescriptor::CPPTYPE_##type:                                                           \
    many ? access->Add##name(&message, field, value) : access->Set##name(&message, field, value); \
    break
      ORRERY_FILL(INT32, Int32, static_cast<int32_t>(bits));
      ORRERY_FILL(INT64, Int64, static_cast<int64_t>(bits));
      ORRERY_FILL(UINT32, UInt32, static_cast<uint32_t>(bits));
      ORRERY_FILL(UINT64, UInt64, bits);
      ORRERY_FILL(DOUBLE, Double, static_cast<double>(bits) / 3);
      ORRERY_FILL(FLOAT, Float, static_cast<float>(bits) / 3);
      ORRERY_FILL(BOOL, Bool, true);
      ORRERY_FILL(STRING, String, Bytes(random));
      ORRERY_FILL(ENUM, EnumValue, field->enum_type()->value(field->enum_type()->value_count() - 1)->number());
#undef ORRERY_FILL
      case FieldDescriptor::CPPTYPE_MESSAGE:
        Fill(many ? *access->AddMessage(&message, field) : *access->MutableMessage(&message, field), random);
        break;
    }
  }
}

void Fill(Proto& message, Random& random) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    FillField(message, message.GetDescriptor()->field(i), random);
  }
}

Message Filled(MessageKind kind, uint64_t seed) {
  Message message = Message::New(kind);
  Random random(seed);
  Fill(const_cast<Proto&>(message.proto()), random);
  return message;
}

class EveryKind : public ::testing::TestWithParam<int> {
 protected:
  MessageKind kind() const { return static_cast<MessageKind>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Messages, EveryKind, ::testing::Range(1, static_cast<int>(kMessageKinds)),
                         [](const auto& info) {
                           return std::string(InfoOf(static_cast<MessageKind>(info.param)).name);
                         });

TEST_P(EveryKind, ComesBackEqual) {
  const Message message = Filled(kind(), 1);
  std::string wire;
  message.AppendTo(wire);
  EXPECT_EQ(wire.size(), message.EncodedSize());
  Result<Message> parsed = Message::Parse(kind(), wire);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->kind(), kind());
  EXPECT_TRUE(MessageDifferencer::Equals(message.proto(), parsed->proto()));
  std::string again;
  parsed->AppendTo(again);
  EXPECT_EQ(wire, again);
}

TEST_P(EveryKind, EmptyTakesNoBytes) {
  const Message message = Message::New(kind());
  EXPECT_EQ(message.EncodedSize(), 0u);
  EXPECT_TRUE(Message::Parse(kind(), "").ok());
}

TEST_P(EveryKind, ACloneIsEqualAndIndependent) {
  const Message message = Filled(kind(), 2);
  Message copy = message.Clone();
  EXPECT_TRUE(MessageDifferencer::Equals(message.proto(), copy.proto()));
  const std::string before = message.DebugString();
  const_cast<Proto&>(copy.proto()).Clear();
  EXPECT_EQ(message.DebugString(), before);
}

TEST_P(EveryKind, DamagedBytesNeverCrash) {
  google::protobuf::LogSilencer silencer;  // it reports every damaged text
  std::string wire;
  Filled(kind(), 3).AppendTo(wire);
  Random random(static_cast<uint64_t>(GetParam()));
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    std::string damaged = wire.substr(0, random.Below(wire.size() + 1));
    for (uint64_t flips = random.Below(4); flips > 0 && !damaged.empty(); --flips) {
      damaged[random.Below(damaged.size())] ^= static_cast<char>(1 << random.Below(8));
    }
    refused += !Message::Parse(kind(), damaged).ok();
  }
  if (wire.size() > 2) {
    EXPECT_GT(refused, 0);
  }
}

TEST_P(EveryKind, TheTypedBodyHasTheKindsName) {
  EXPECT_EQ(Message::New(kind()).proto().GetDescriptor()->name(), InfoOf(kind()).name);
}

TEST(Parse, RefusesUnknownKinds) {
  EXPECT_EQ(Message::Parse(MessageKind::kNone, "").status().code(), StatusCode::kInvalidArgument);
  const Result<Message> unknown = Message::Parse(static_cast<MessageKind>(60'000), "");
  EXPECT_NE(unknown.status().message().find("60000"), std::string::npos);
}

TEST(Parse, NamesTheKindOfMalformedBytes) {
  const Result<Message> parsed = Message::Parse(MessageKind::kPushTask, "\xff\xff\xff");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.status().message().find("PushTask"), std::string::npos) << parsed.status().message();
  EXPECT_NE(parsed.status().message().find("3 bytes"), std::string::npos);
}

TEST(Draft, BuildsAMessageOfItsKind) {
  Draft<msg::PushTask> push;
  push->set_attempt(3);
  push->mutable_spec()->set_name("f");
  const Message message = std::move(push);
  EXPECT_EQ(message.kind(), MessageKind::kPushTask);
  EXPECT_EQ(message.As<msg::PushTask>().attempt(), 3u);
  EXPECT_EQ(message.DebugString(), "PushTask { spec { name: \"f\" } attempt: 3 }");
}

TEST(Message, MovingLeavesNothingBehind) {
  Message first = Message::New(MessageKind::kExit);
  Message second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_TRUE(second);
  first = std::move(second);
  EXPECT_EQ(first.kind(), MessageKind::kExit);
}

TEST(MessageDeathTest, TheWrongTypeAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Message message = Message::New(MessageKind::kExit);
  EXPECT_DEATH((void)message.As<msg::PushTask>(), "kind_");
}

}  // namespace
}  // namespace orrery
