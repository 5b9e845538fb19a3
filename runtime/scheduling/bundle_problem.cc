#include "runtime/scheduling/bundle_problem.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

namespace {
// Ray sorts by GPU, custom resources, object store memory, memory and CPU; before that come those with the least choice
// of nodes.
bool IsHarder(const BundleShape& a, const BundleShape& b) {
  const auto constraints = [](const BundleShape& s) { return s.pinned ? SIZE_MAX : s.bundle.labels.size(); };
  if (constraints(a) != constraints(b)) return constraints(a) > constraints(b);
  const ResourceSet &x = a.bundle.resources, &y = b.bundle.resources;
  if (a.gpus != b.gpus) return a.gpus > b.gpus;
  if (x.custom().size() != y.custom().size()) return x.custom().size() > y.custom().size();
  if (x.custom() != y.custom()) return x.custom() > y.custom();
  for (const ResourceKind kind : {ResourceKind::kObjectStoreMemory, ResourceKind::kMemory, ResourceKind::kCpu}) {
    if (x.Get(kind) != y.Get(kind)) return x.Get(kind) > y.Get(kind);
  }
  return false;
}

bool Holds(const BundleRequest& request, NodeId node) {
  return std::any_of(request.held.begin(), request.held.end(), [&](const HeldBundle& h) { return h.node == node; });
}
}  // namespace

BundleProblem::BundleProblem(const ClusterView& view, const BundleRequest& request, Rooms rooms) {
  std::set<std::string> custom;
  bool asked[kPredefinedResources] = {};
  const auto note = [&](const Bundle& bundle) {
    for (size_t i = 0; i < kPredefinedResources; ++i) {
      asked[i] = asked[i] || bundle.resources.Get(static_cast<ResourceKind>(i)).raw > 0;
    }
    for (const auto& [name, amount] : bundle.resources.custom()) custom.insert(name);
  };
  for (const Bundle& bundle : request.bundles) note(bundle);
  for (const HeldBundle& held : request.held) note(held.bundle);
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    if (asked[i]) predefined_.push_back(static_cast<ResourceKind>(i));
  }
  custom_.assign(custom.begin(), custom.end());
  for (size_t i = 0; i < request.bundles.size(); ++i) {
    items_.push_back({i, ShapeFor(request.bundles[i], {}), std::nullopt, {}});
  }
  // Strictly spread, held bundles take their nodes away whole; there is nothing to pin.
  if (rooms == Rooms::kIdle && request.strategy != BundleStrategy::kStrictSpread) {
    for (const HeldBundle& held : request.held) {
      if (view.Find(held.node) == nullptr) continue;
      items_.push_back({items_.size(), ShapeFor(held.bundle, held.node), std::nullopt, {}});
    }
  }
  std::stable_sort(items_.begin(), items_.end(), [&](const BundleItem& a, const BundleItem& b) {
    if (a.shape == b.shape) return false;
    if (IsHarder(shapes_[a.shape], shapes_[b.shape])) return true;
    return !IsHarder(shapes_[b.shape], shapes_[a.shape]) && a.shape < b.shape;
  });
  AddRooms(view, request, rooms);
}

size_t BundleProblem::ShapeFor(const Bundle& bundle, NodeId pinned) {
  for (size_t i = 0; i < shapes_.size(); ++i) {
    if (shapes_[i].pinned == pinned && shapes_[i].bundle == bundle) return i;
  }
  shapes_.push_back({bundle, pinned, AmountsOf(bundle.resources), bundle.resources.Get(ResourceKind::kGpu), {}});
  return shapes_.size() - 1;
}

BundleAmounts BundleProblem::AmountsOf(const ResourceSet& resources) const {
  BundleAmounts amounts;
  for (const ResourceKind kind : predefined_) amounts.push_back(resources.Get(kind).raw);
  for (const std::string& name : custom_) amounts.push_back(resources.Get(name).raw);
  return amounts;
}

void BundleProblem::AddRooms(const ClusterView& view, const BundleRequest& request, Rooms rooms) {
  for (const NodeId id : view.ids()) {
    const NodeView& node = *view.Find(id);
    const bool idle = rooms == Rooms::kIdle;
    BundleRoom room{id, AmountsOf(idle ? node.total : node.available), {}, 0};
    room.gpu_free = idle ? AllGpusFree(node.total.Get(ResourceKind::kGpu)) : node.gpu_free;
    room.bundles = Holds(request, id) ? 1 : 0;
    for (BundleShape& shape : shapes_) shape.allowed.push_back(Allowed(shape, node, request));
    rooms_.push_back(std::move(room));
  }
}

bool BundleProblem::Allowed(const BundleShape& shape, const NodeView& node, const BundleRequest& request) const {
  if (shape.pinned) return shape.pinned == node.id;
  if (node.draining || !Matches(shape.bundle.labels, node.labels)) return false;
  if (request.held.empty()) return true;
  if (request.strategy == BundleStrategy::kStrictSpread) return !Holds(request, node.id);
  return request.strategy != BundleStrategy::kStrictPack || Holds(request, node.id);
}

bool BundleProblem::Fits(const BundleShape& shape, size_t room) const {
  if (!shape.allowed[room]) return false;
  const BundleAmounts& free = rooms_[room].free;
  for (size_t i = 0; i < free.size(); ++i) {
    if (shape.amounts[i] > 0 && shape.amounts[i] > free[i]) return false;
  }
  return GpusFit(shape.gpus, rooms_[room].gpu_free);
}

double BundleProblem::Score(const BundleShape& shape, size_t room) const {
  double score = 0;
  for (size_t i = 0; i < shape.amounts.size(); ++i) {
    if (shape.amounts[i] <= 0) continue;
    const double free = static_cast<double>(rooms_[room].free[i]);
    score += (free - static_cast<double>(shape.amounts[i])) / free;
  }
  return score;
}

bool BundleProblem::SameRoom(size_t a, size_t b) const {
  if (rooms_[a].free != rooms_[b].free || rooms_[a].gpu_free != rooms_[b].gpu_free) return false;
  return std::all_of(shapes_.begin(), shapes_.end(),
                     [&](const BundleShape& s) { return s.allowed[a] == s.allowed[b]; });
}

void BundleProblem::Put(size_t item, size_t room) {
  Random unused;
  std::optional<GpuAllocation> gpus =
      ChooseGpus(ShapeOf(item).gpus, rooms_[room].gpu_free, GpuChoice::kLeastLeft, unused);
  ORRERY_ASSERT(gpus.has_value());
  Put(item, room, *std::move(gpus));
}

void BundleProblem::Put(size_t item, size_t room, GpuAllocation gpus) {
  ORRERY_ASSERT(!items_[item].room && Fits(ShapeOf(item), room));
  const BundleAmounts& amounts = ShapeOf(item).amounts;
  for (size_t i = 0; i < amounts.size(); ++i) rooms_[room].free[i] -= amounts[i];
  TakeGpus(gpus, rooms_[room].gpu_free);
  ++rooms_[room].bundles;
  items_[item].room = room;
  items_[item].gpus = std::move(gpus);
}

void BundleProblem::TakeBack(size_t item) {
  BundleRoom& room = rooms_[items_[item].room.value()];
  const BundleAmounts& amounts = ShapeOf(item).amounts;
  for (size_t i = 0; i < amounts.size(); ++i) room.free[i] += amounts[i];
  GiveGpus(items_[item].gpus, room.gpu_free);
  --room.bundles;
  items_[item].room.reset();
  items_[item].gpus = {};
}

void BundleProblem::TakeAllBack() {
  for (size_t item = 0; item < items_.size(); ++item) {
    if (items_[item].room) TakeBack(item);
  }
}

std::vector<PlacedBundle> BundleProblem::Placed(size_t bundles) const {
  std::vector<PlacedBundle> placed(bundles);
  for (const BundleItem& item : items_) {
    if (item.index < bundles) placed[item.index] = {rooms_[item.room.value()].node, item.gpus};
  }
  return placed;
}

}  // namespace orrery
