#include <uwaga/uwaga.h>

#include <iostream>

int main() {
  std::cout << "uwaga " << uwaga::name(uwaga::DType::f32) << '\n';
}
