// Every op, compiled and run as a kernel, against the typed interpreter: equal to the bit.
#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"
#include "tests/ir/every_op.h"

namespace uwaga::test {
namespace {

void check_example(const OpExample& e, std::int64_t rows, int vector_bytes, bool fused) {
  INFO(e.what << ", rows=" << rows << ", vectors of " << vector_bytes << " bytes" << (fused ? "" : ", unfused"));
  const std::vector<std::string> differences = kernel_differences(e, {{"rows", rows}}, vector_bytes, fused);
  for (const std::string& d : differences) UNSCOPED_INFO(d);
  CHECK(differences.empty());
}

}  // namespace

TEST_CASE("every op gives as a kernel the bits that the typed interpreter gives") {
  for (const OpExample& e : every_op()) {
    for (std::int64_t rows : {3, 17})
      for (bool fused : {true, false}) {
        check_example(e, rows, rows == 3 ? 16 : 32, fused);
        check_example(e, rows, 0, fused);
      }
  }
}

TEST_CASE("every op gives the bits of the typed interpreter in every dtype") {
  for (const OpExample& e : every_op_and_dtype()) {
    check_example(e, 9, 32, true);
    check_example(e, 4, 64, false);
  }
}

}  // namespace uwaga::test
