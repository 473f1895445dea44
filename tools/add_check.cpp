// `uwaga check DIR`, as the command line has it.
#include <iostream>
#include <memory>

#include "tools/check.h"
#include "tools/command.h"

namespace uwaga {

void add_check(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("check", "compare a model with recorded answers of a reference implementation");
  auto o = std::make_shared<CheckOptions>();
  auto device = std::make_shared<DeviceOptions>();
  c->add_option("DIR", o->folder, "folder of config.json, model.safetensors, inputs, expected and meta.json")->required();
  add_device_options(*c, *device);
  c->add_flag("--json", o->json, "one JSON object a line on standard output");
  c->callback([&chosen, o, device] {
    chosen = [o, device] {
      o->device = device->device;
      o->threads = device->threads;
      return check_command(*o, std::cout);
    };
  });
}

}  // namespace uwaga
