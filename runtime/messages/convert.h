// Between the plain values of common/ and env/ and their Protobuf forms.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include "runtime/common/ids.h"
#include "runtime/common/resources.h"
#include "runtime/env/address.h"
#include "runtime/env/object_reference.h"
#include "runtime/messages/kinds.h"

namespace orrery {

void ToProto(const Address& address, msg::AddressProto* out);
Address FromProto(const msg::AddressProto& proto);
void ToProto(LeaseId lease, msg::LeaseKey* out);
LeaseId FromProto(const msg::LeaseKey& proto);
void ToProto(ActorId actor, msg::ActorKey* out);
ActorId FromProto(const msg::ActorKey& proto);
void ToProto(PlacementGroupId group, msg::GroupKey* out);
PlacementGroupId FromProto(const msg::GroupKey& proto);
void ToProto(ObjectId object, msg::ObjectKey* out);
ObjectId FromProto(const msg::ObjectKey& proto);
void ToProto(const ObjectReference& reference, msg::RefProto* out);
ObjectReference FromProto(const msg::RefProto& proto);
void ToProto(const ResourceSet& resources, google::protobuf::RepeatedPtrField<msg::ResourceAmount>* out);
ResourceSet FromProto(const google::protobuf::RepeatedPtrField<msg::ResourceAmount>& proto);
void ToProto(const Labels& labels, google::protobuf::RepeatedPtrField<msg::Label>* out);
Labels FromProto(const google::protobuf::RepeatedPtrField<msg::Label>& proto);
void ToProto(const SchedulingRequest& request, msg::SchedulingSpec* out);
SchedulingRequest FromProto(const msg::SchedulingSpec& proto);

}  // namespace orrery
