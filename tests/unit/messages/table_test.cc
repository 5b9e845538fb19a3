// What must hold of every row of message_table.inc, so that a new message is complete the day it is born.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>

#include "runtime/common/settings.h"
#include "runtime/messages/kinds.h"

namespace orrery {
namespace {

template <class Check>
void ForEachRow(Check check) {
  for (size_t i = 1; i < kMessageKinds; ++i) {
    const MessageInfo& row = InfoOf(static_cast<MessageKind>(i));
    SCOPED_TRACE(std::string(row.name));
    check(row);
  }
}

TEST(MessageTable, RowsAreInOrderOfTheirKindsAndNamesAreUnique) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kMessageKinds; ++i) {
    const MessageInfo& row = InfoOf(static_cast<MessageKind>(i));
    EXPECT_EQ(static_cast<size_t>(row.kind), i);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
}

TEST(MessageTable, NamesLeadBackToKinds) {
  ForEachRow([](const MessageInfo& row) { EXPECT_EQ(KindByName(row.name), row.kind); });
  EXPECT_EQ(KindByName("NoSuchMessage"), MessageKind::kNone);
}

TEST(MessageTable, ARequestIsAnsweredByAReplyThatGoesBack) {
  ForEachRow([](const MessageInfo& row) {
    if (row.delivery != Delivery::kRequest) return;
    ASSERT_NE(row.reply, MessageKind::kNone);
    const MessageInfo& reply = InfoOf(row.reply);
    EXPECT_EQ(reply.delivery, Delivery::kReply) << reply.name;
    EXPECT_EQ(reply.source, row.target) << reply.name;
    EXPECT_EQ(reply.target, row.source) << reply.name;
  });
}

TEST(MessageTable, EveryReplyAnswersSomeRequest) {
  std::set<MessageKind> answers;
  ForEachRow([&](const MessageInfo& row) {
    if (row.delivery == Delivery::kRequest) answers.insert(row.reply);
  });
  ForEachRow(
      [&](const MessageInfo& row) { EXPECT_EQ(row.delivery == Delivery::kReply, answers.count(row.kind) != 0); });
}

TEST(MessageTable, RepliesAndNoticesAreNotAnswered) {
  ForEachRow([](const MessageInfo& row) {
    if (row.delivery == Delivery::kReply || row.delivery == Delivery::kNotice) {
      EXPECT_EQ(row.reply, MessageKind::kNone);
    }
  });
}

TEST(MessageTable, LocalMessagesStayBetweenAProcessAndWhatServesIt) {
  const auto of_program = [](Role role) {
    return role == Role::kApplication || role == Role::kExecutor || role == Role::kCoreWorker;
  };
  const auto of_node = [](Role role) { return role == Role::kNodeManager || role == Role::kMemory; };
  const auto of_head = [](Role role) { return role == Role::kGcs || role == Role::kStorage; };
  ForEachRow([&](const MessageInfo& row) {
    if (row.delivery != Delivery::kLocal) return;
    EXPECT_TRUE((of_program(row.source) && of_program(row.target)) || (of_node(row.source) && of_node(row.target)) ||
                (of_head(row.source) && of_head(row.target)));
    if (row.reply != MessageKind::kNone) {
      EXPECT_EQ(InfoOf(row.reply).source, row.target);
      EXPECT_EQ(InfoOf(row.reply).target, row.source);
    }
  });
}

TEST(MessageTable, WhateverIsSentAgainHasAKeyThatMakesTheSecondCopyHarmless) {
  ForEachRow([](const MessageInfo& row) {
    EXPECT_FALSE(row.key.empty());
    EXPECT_FALSE(row.on_loss.empty());
    if (row.delivery == Delivery::kRequest || row.delivery == Delivery::kReply) {
      EXPECT_NE(row.key, "-");
    }
  });
}

TEST(MessageTable, TimeOutsNameASettingOrTheConnection) {
  std::set<std::string> names = {"-", "connection", "timeout_ns"};  // timeout_ns: the caller's own, in the message
  for (const SettingInfo& setting : ListSettings(Settings())) {
    if (setting.unit == "duration") names.insert(setting.name);
  }
  ForEachRow([&](const MessageInfo& row) {
    EXPECT_EQ(names.count(std::string(row.timeout)), 1u) << row.timeout;
    if (row.delivery == Delivery::kRequest) {
      EXPECT_NE(row.timeout, "-") << "a request nobody gives up on";
    }
    if (row.delivery == Delivery::kReply) {
      EXPECT_EQ(row.timeout, "-");
    }
  });
}

TEST(MessageTable, MarkdownHasOneRowPerKind) {
  std::istringstream text{std::string(MessageTableMarkdown())};
  size_t rows = 0;
  for (std::string line; std::getline(text, line); ++rows) {
    EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 9) << line;
    if (rows >= 2) {
      EXPECT_EQ(line.rfind("| " + std::string(InfoOf(static_cast<MessageKind>(rows - 1)).name) + " |", 0), 0u) << line;
    }
  }
  EXPECT_EQ(rows, kMessageKinds + 1);
}

}  // namespace
}  // namespace orrery
