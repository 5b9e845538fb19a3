#include "runtime/api/codec.h"

#include <gtest/gtest.h>

#include <complex>
#include <random>

namespace orrery {
namespace {

struct Point {
  double x = 0, y = 0;
  bool operator==(const Point&) const = default;
};
struct Empty {
  bool operator==(const Empty&) const = default;
};
enum class Colour : uint8_t { kRed, kBlue };
struct Order {
  std::string name;
  std::optional<std::string> note;
  std::vector<Point> path;
  std::map<std::string, std::vector<int>> lots;
  std::variant<int, std::string, Empty> tag;
  std::tuple<bool, Colour> flags;
  std::chrono::milliseconds age{};
  bool operator==(const Order&) const = default;
};
struct Tree {
  int value = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
struct Link {
  int value = 0;
  std::unique_ptr<Link> next;
};
struct Needs {  // neither default constructible nor assignable
  explicit Needs(int v) : value(v) {}
  const int value;
};
struct HoldsNeeds {
  std::string name;
  std::optional<int> rank;
  Needs needs;
};
class Hidden {  // trivially copyable, members private
 public:
  Hidden() = default;
  Hidden(int a, int b) : a_(a), b_(b) {}
  bool operator==(const Hidden&) const = default;

 private:
  int a_ = 0, b_ = 0;
};
struct Sixteen {
  int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16;
  bool operator==(const Sixteen&) const = default;
};
struct Seventeen {
  std::string a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17;
};

}  // namespace

template <>
struct Codec<Needs> {
  static void Encode(const Needs& value, Writer& out) { out.Size(static_cast<uint64_t>(value.value)); }
  static Needs Decode(Reader& in) { return Needs(static_cast<int>(in.Size())); }
};

namespace {

template <class T>
std::string Encoded(const T& value) {
  std::string bytes;
  EncodeTo(value, bytes);
  return bytes;
}
template <class T>
T Again(const T& value) {
  return DecodeFrom<T>(Encoded(value));
}

Order SampleOrder() {
  return {"bolts",
          "fragile",
          {{1, 2}, {3, -4}},
          {{"a", {1, 2, 3}}, {"", {}}},
          std::string("express"),
          {true, Colour::kBlue},
          std::chrono::milliseconds(1500)};
}

static_assert(internal::FieldCount<Point>() == 2 && internal::FieldCount<Order>() == 7 &&
              internal::FieldCount<Empty>() == 0);
static_assert(internal::FieldCount<Sixteen>() == 16 && internal::FieldCount<Seventeen>() == -1);
static_assert(internal::FieldCount<Link>() == 2 && internal::FieldCount<HoldsNeeds>() == 3);
static_assert(Encodable<int> && Encodable<Order> && Encodable<Tree> && Encodable<Link> && Encodable<HoldsNeeds> &&
              Encodable<Hidden>);
static_assert(Encodable<std::unique_ptr<std::vector<std::array<Point, 3>>>> && Encodable<std::complex<double>>);
static_assert(!Encodable<int*> && !Encodable<const char*> && !Encodable<int&> && !Encodable<void>);
static_assert(!Encodable<std::vector<int*>> && !Encodable<std::map<int, std::optional<char*>>>);
static_assert(!Encodable<Seventeen> && !Encodable<std::string_view> && !Encodable<std::vector<std::string_view>>);
struct WithPointer {
  int size;
  char* data;
};
static_assert(!Encodable<WithPointer> && !Encodable<std::vector<WithPointer>>);

TEST(Codec, NumbersAreLittleEndian) {
  EXPECT_EQ(Encoded(uint32_t{0x01020304}), std::string("\4\3\2\1", 4));
  EXPECT_EQ(Encoded(Colour::kBlue), std::string("\1", 1));
  EXPECT_EQ(Again(-1.5), -1.5);
  EXPECT_EQ(Again(int64_t{INT64_MIN}), INT64_MIN);
}

TEST(Codec, EveryStandardContainerComesBackEqual) {
  EXPECT_EQ(Again(std::string("zero\0inside", 11)), std::string("zero\0inside", 11));
  EXPECT_EQ(Again(std::vector<bool>{true, false, true}), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(Again(std::vector<uint16_t>{1, 65535}), (std::vector<uint16_t>{1, 65535}));
  EXPECT_EQ(Again(std::deque<std::string>{"a", "b"}), (std::deque<std::string>{"a", "b"}));
  EXPECT_EQ(Again(std::list<int>{1, 2}), (std::list<int>{1, 2}));
  EXPECT_EQ(Again(std::set<std::string>{"x", "y"}), (std::set<std::string>{"x", "y"}));
  EXPECT_EQ(Again(std::multiset<int>{1, 1}), (std::multiset<int>{1, 1}));
  EXPECT_EQ(Again(std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}}),
            (std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}}));
  EXPECT_EQ(Again(std::unordered_set<int>{5, 6}), (std::unordered_set<int>{5, 6}));
  EXPECT_EQ(Again(std::array<Point, 2>{Point{1, 2}, Point{3, 4}}), (std::array<Point, 2>{Point{1, 2}, Point{3, 4}}));
  EXPECT_EQ(Again(std::make_tuple(1, std::string("s"), Empty{})), std::make_tuple(1, std::string("s"), Empty{}));
  EXPECT_EQ(Again(std::tuple<>{}), std::tuple<>{});
  EXPECT_EQ(Again(std::variant<std::monostate, int>{}), (std::variant<std::monostate, int>{}));
  EXPECT_EQ(Again(std::optional<std::optional<int>>{std::optional<int>{}}),
            (std::optional<std::optional<int>>{std::optional<int>{}}));
  EXPECT_EQ(*Again(std::make_shared<Point>(Point{1, 2})), (Point{1, 2}));
  EXPECT_EQ(Again(std::complex<float>(1, 2)), std::complex<float>(1, 2));
}

TEST(Codec, AggregatesNeedNoHelp) {
  EXPECT_EQ(Again(SampleOrder()), SampleOrder());
  EXPECT_EQ(Again(Empty{}), Empty{});
  EXPECT_EQ(Again(Hidden(3, 4)), Hidden(3, 4));
  EXPECT_EQ(Again(Sixteen{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}).a16, 16);
  const Tree tree{1, {{2, {}}, {3, {{4, {}}}}}};
  EXPECT_EQ(Again(tree), tree);
}

TEST(Codec, UserTraitMayLackDefaultConstructor) {
  const HoldsNeeds again = Again(HoldsNeeds{"n", 7, Needs(300)});
  EXPECT_EQ(again.needs.value, 300);
  EXPECT_EQ(again.rank, 7);
}

TEST(Codec, EveryTruncationIsAnError) {
  const std::string bytes = Encoded(SampleOrder());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(DecodeFrom<Order>(std::string_view(bytes).substr(0, size)), MalformedError) << size;
  }
  EXPECT_THROW(DecodeFrom<Order>(bytes + "x"), MalformedError);
}

TEST(Codec, LengthsArePaidForBeforeMemoryIsTaken) {
  std::string huge;
  Writer(huge).Size(uint64_t{1} << 62);
  EXPECT_THROW(DecodeFrom<std::string>(huge), MalformedError);
  EXPECT_THROW(DecodeFrom<std::vector<double>>(huge), MalformedError);
  EXPECT_THROW(DecodeFrom<std::vector<Empty>>(huge), MalformedError);
  EXPECT_THROW((DecodeFrom<std::map<Empty, Empty>>(huge)), MalformedError) << "an entry takes bytes, too";
  EXPECT_THROW((DecodeFrom<std::vector<std::array<int, 0>>>(huge)), MalformedError);
  EXPECT_THROW(DecodeFrom<std::string>(std::string(11, '\xff')), MalformedError);
}

bool operator<(const Empty&, const Empty&) { return false; }

TEST(Codec, NonsenseIsAnError) {
  EXPECT_THROW(DecodeFrom<bool>("\2"), MalformedError);
  EXPECT_THROW(DecodeFrom<std::optional<int>>(std::string("\2\0\0\0\0", 5)), MalformedError);
  EXPECT_THROW((DecodeFrom<std::variant<int, bool>>("\7")), MalformedError);
}

TEST(Codec, DeepNestingIsAnErrorOnBothSides) {
  // 100,000 levels of "a Link with a next" would overflow the stack.
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += std::string("\0\0\0\0\1", 5);
  EXPECT_THROW(DecodeFrom<Link>(bytes), MalformedError);
  Link head;
  Link* tail = &head;
  for (int i = 0; i < 2000; ++i) tail = (tail->next = std::make_unique<Link>()).get();
  EXPECT_THROW(Encoded(head), MalformedError);
}

TEST(Codec, RandomBytesNeverCrash) {
  std::mt19937 random(7);
  int decoded = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 3);
    try {
      DecodeFrom<Order>(bytes);
      ++decoded;
    } catch (const MalformedError&) {
    }
  }
  EXPECT_LT(decoded, 20'000);
}

TEST(Codec, SignaturesTellTypesApart) {
  EXPECT_NE(internal::SchemaOf<int>(), internal::SchemaOf<unsigned>());
  EXPECT_NE(internal::SchemaOf<int>(), internal::SchemaOf<float>());
  EXPECT_NE(internal::SchemaOf<std::vector<int>>(), internal::SchemaOf<std::vector<long>>());
  EXPECT_NE((internal::SchemaOf<std::tuple<int, long>>()), (internal::SchemaOf<std::tuple<long, int>>()));
  EXPECT_EQ(internal::SchemaOf<std::vector<int>>(), internal::SchemaOf<std::deque<int>>()) << "same bytes";
  EXPECT_NE(internal::SchemaOf<Point>(), internal::SchemaOf<Tree>());
}

}  // namespace
}  // namespace orrery
