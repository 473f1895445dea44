#include <uwaga/ir/shared_attributes.h>

namespace uwaga {

const Attributes SharedAttributes::kNone;

SharedAttributes::SharedAttributes(Attributes attributes) {
  if (!std::holds_alternative<NoAttrs>(attributes)) block_ = std::make_shared<Block>(std::move(attributes));
}

}  // namespace uwaga
