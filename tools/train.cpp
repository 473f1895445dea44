// `uwaga train`: a small language model from a text file.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uwaga/runtime/host/progress.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sha256.h>
#include <uwaga/runtime/text/tokenizer.h>
#include <uwaga/runtime/train/checkpoint.h>
#include <uwaga/runtime/train/trainer.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/language_model.h"
#include "tools/run_folder.h"

namespace uwaga {
namespace {

using Json = nlohmann::ordered_json;

struct CommandOptions {
  LanguageModel model;
  AdamW optimiser{.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.99, .decay = 0.1, .clip = 1};
  std::int64_t steps = 2000, batch = 12, warm_up = 100, eval_every = 250, checkpoint_every = 0, seed = 1;
  double last_rate = 0.1, validation = 0.1;
  std::string data, tokenizer = "char", out;
  bool resume = false, overwrite = false, json = false;
  DeviceOptions device = {};

  // What is recorded with the run, and goes on as recorded unless it is given again.
  struct Setting {
    CLI::Option* option;
    std::function<Json()> value;
  };
  std::vector<Setting> settings = {};
  CLI::Option *rate = nullptr, *clip = nullptr;  // two of them
};

// What the data become: ids, cut into what is learnt and what is held back.
struct Data {
  std::unique_ptr<Tokenizer> tokenizer;
  Tokens training, validation;
  std::string sha256;
};

Data read_data(const CommandOptions& o) {
  const std::string text = read_file(o.data);
  if (text.empty()) throw Error(fmt::format("{} is empty: there is nothing to learn", o.data));
  Data d;
  if (o.tokenizer == "byte") {
    d.tokenizer = std::make_unique<ByteTokenizer>();
  } else {
    try {
      d.tokenizer = std::make_unique<CharacterTokenizer>(CharacterTokenizer::train(text));
    } catch (const Error& e) {
      throw Error(fmt::format("{}: {} (--tokenizer byte reads any file)", o.data, e.what()));
    }
  }
  const Tokens all(d.tokenizer->encode(text), o.data);
  Tokens::Split split = all.split(o.validation);
  d.training = std::move(split.train);
  d.validation = std::move(split.validation);
  const std::int64_t least = std::min(d.training.size(), o.validation > 0 ? d.validation.size() : d.training.size());
  if (least < o.model.time + 1)
    throw Error(fmt::format(
        "{} has {} tokens, {} of them for validation: a window of --time {} with its target needs {} in each part",
        o.data, all.size(), d.validation.size(), o.model.time, o.model.time + 1));
  d.sha256 = uwaga::sha256(text);
  return d;
}

ProgressOptions terminal() {
  ProgressOptions p{.terminal = isatty(STDERR_FILENO) != 0};
  winsize size{};
  if (p.terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) p.columns = size.ws_col;
  return p;
}

double since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Json settings_of(const CommandOptions& o) {
  Json out = Json::object();
  for (const CommandOptions::Setting& s : o.settings) out[s.option->get_lnames().at(0)] = s.value();
  return out;
}

// Runs of before settings were recorded have none: what the command line says, or its defaults, counts for them.
void take_settings(CommandOptions& o, const std::string& folder) {
  const CheckpointDirectory::Latest latest = CheckpointDirectory(folder).latest();
  if (!latest.checkpoint) return;  // said when it is read again
  const Json recorded = Json::parse(read_run(latest.checkpoint->folder).settings);
  for (const CommandOptions::Setting& s : o.settings) {
    const auto found = recorded.find(s.option->get_lnames().at(0));
    if (s.option->count() > 0 || found == recorded.end()) continue;
    s.option->add_result(found->dump());
    try {
      s.option->run_callback();  // with the checks of the command line
    } catch (const CLI::ParseError& e) {
      throw Error(fmt::format("the settings of {} cannot be used: {}", latest.checkpoint->folder, e.what()));
    }
  }
}

// The last line of the run, for people and for programs.
Json summary(const TrainResult& r, double seconds, double compile_seconds, std::int64_t peak, std::int64_t parallel_launches,
             const State& state) {
  Json line{{"step", r.step}};
  line["loss"] = r.loss ? Json(*r.loss) : Json();
  line["val_loss"] = r.val_loss ? Json(*r.val_loss) : Json();
  line["seconds"] = seconds;
  line["compile_seconds"] = compile_seconds;
  line["tokens_per_second"] = r.step_seconds > 0 ? static_cast<double>(r.tokens) / r.step_seconds : 0;
  line["peak_bytes"] = peak;
  line["weights_sha256"] = weights_sha256(state);
  line["state_sha256"] = state_sha256(state);
  line["parallel_launches"] = parallel_launches;  // kernel calls of the training steps that used several threads
  line["interrupted"] = r.interrupted;
  if (r.checkpoint) line["checkpoint"] = r.checkpoint->folder;
  return line;
}

void tell(const Json& line) {
  if (line["interrupted"]) fmt::print("stopped at step {}\n", line["step"].get<std::int64_t>());
  if (!line["loss"].is_null()) fmt::print("loss             {:.4f}\n", line["loss"].get<double>());
  if (!line["val_loss"].is_null()) fmt::print("validation loss  {:.4f}\n", line["val_loss"].get<double>());
  fmt::print("time             {} ({:.2f} s of them to compile), {} tokens/s\n", format_duration(line["seconds"]),
             line["compile_seconds"].get<double>(), format_count(line["tokens_per_second"]));
  fmt::print("memory           {:.1f} MiB\n", line["peak_bytes"].get<double>() / 0x1p20);
  fmt::print("weights          {}\n", line["weights_sha256"].get<std::string>());
  if (line.contains("checkpoint")) fmt::print("checkpoint       {}\n", line["checkpoint"].get<std::string>());
}

int run(CommandOptions& o) {
  const auto begin = std::chrono::steady_clock::now();
  const Target target = target_of(o.device);
  if (o.resume && o.out.empty()) throw UsageError("--resume needs --out, the folder of the run to go on with");
  if (std::error_code ignored;
      !o.out.empty() && std::filesystem::exists(o.out, ignored) && !std::filesystem::is_directory(o.out, ignored))
    throw Error(fmt::format("cannot write to {}: it is a file, and --out wants a folder", o.out));
  const Data data = read_data(o);
  using Found = RunFolder::Found;
  std::optional<RunFolder> folder;
  if (!o.out.empty()) folder.emplace(o.out, o.resume ? Found::resumed : o.overwrite ? Found::replaced : Found::refused);
  const bool rate_given = o.rate->count() > 0, clip_given = o.clip->count() > 0 && o.optimiser.clip > 0;
  if (o.resume) take_settings(o, o.out);
  o.model.vocab = data.tokenizer->vocab_size();
  o.optimiser.schedule = {.warm_up = o.warm_up, .steps = o.steps, .last = o.last_rate};

  const auto compiling = std::chrono::steady_clock::now();
  State state;
  TrainPrograms programs{compile(training_graph(o.model, o.optimiser), target, state), {}};
  if (o.validation > 0) programs.evaluate = compile(evaluation_graph(o.model), target, state);
  const double compile_seconds = since(compiling);
  state.initialise(o.seed, target);

  TrainOptions options{.steps = o.steps,
                       .batch = o.batch,
                       .time = o.model.time,
                       .seed = o.seed,
                       .eval_every = o.eval_every,
                       .checkpoint_every = o.checkpoint_every ? o.checkpoint_every : o.eval_every,
                       .out = o.out,
                       .resume = o.resume};
  Json model = Json::parse(to_json(o.model));
  model["graph"] = graph_hash(o.model);
  options.record.model = model.dump();
  options.record.tokenizer = data.tokenizer->save();
  options.record.data = Json{{"sha256", data.sha256}, {"validation", o.validation}}.dump();
  options.record.settings = settings_of(o).dump();

  Progress progress(std::cerr, terminal());
  const InterruptFlag interrupt(Readers::outlived);
  std::optional<double> val_loss;
  TrainCallbacks callbacks;
  // Whom the lines of --json no longer reach is not trained for.
  callbacks.stop = [&] { return interrupt.raised() || !std::cout; };
  callbacks.on_rejected = [](const std::string& why) { std::cerr << fmt::format("passed over {}\n", why); };
  callbacks.on_resume = [&](std::int64_t step) {
    // They lie in the checkpoint too; what the command line says counts.
    if (rate_given) state.set("optimiser.rate", o.optimiser.rate);
    if (clip_given) state.set("optimiser.clip", o.optimiser.clip);
    std::cerr << fmt::format("going on from step {}\n", step);
  };
  callbacks.on_step = [&](const StepReport& r) {
    if (r.val_loss) val_loss = r.val_loss;
    progress.update(
        {.step = r.step, .steps = o.steps, .loss = r.loss, .validation_loss = val_loss, .tokens = r.tokens,
         .step_seconds = r.step_seconds});
    if (r.val_loss && o.json && r.step < o.steps)
      std::cout << Json{{"step", r.step}, {"loss", r.loss}, {"val_loss", *r.val_loss}, {"seconds", r.seconds}}
                << std::endl;
  };
  if (folder) folder->make_room();
  const TrainResult result = train(programs, state, data.training, data.validation, options, callbacks);
  progress.finish();

  const Sizes sizes{{"batch", o.batch}, {"time", o.model.time}};
  const Json line =
      summary(result, since(begin), compile_seconds, programs.step.peak_bytes(sizes) + state_bytes(state),
              programs.step.parallel_launches(), state);
  if (o.json)
    std::cout << line << std::endl;
  else
    tell(line);
  if (!result.interrupted) return 0;
  std::cerr << fmt::format(
      "interrupted at step {}{}\n", result.step,
      result.checkpoint ? fmt::format("; the checkpoint is {} (--resume goes on from it)", result.checkpoint->folder)
                        : "; nothing was saved, since there is no --out");
  return kInterrupted;
}

}  // namespace

void add_train(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("train", "train a language model on a text file");
  auto o = std::make_shared<CommandOptions>();
  const CLI::Validator size = whole_number(1, std::int64_t{1} << 24), count = whole_number(0, std::int64_t{1} << 40);
  const CLI::Validator share = real_number(0, 1), below_one = real_number(0, 1, Upper::excluded);
  c->add_option("--data", o->data, "the text to learn")->required();
  c->add_option("--model", o->model.model, "gpt2 or llama")
      ->check(CLI::IsMember({"gpt2", "llama"}))
      ->capture_default_str();
  c->add_option("--layers", o->model.layers, "blocks")->check(whole_number(0, kMostLayers))->capture_default_str();
  c->add_option("--heads", o->model.heads, "attention heads")->check(size)->capture_default_str();
  c->add_option("--kv-heads", o->model.kv_heads, "llama: key-value heads (default: as many as heads)")->check(size);
  c->add_option("--width", o->model.width, "of the residual stream")->check(size)->capture_default_str();
  c->add_option("--hidden", o->model.hidden, "width inside the MLP (default: gpt2 4 x width, llama 8/3 x width)")
      ->check(size);
  c->add_option("--time", o->model.time, "tokens of a window")->check(size)->capture_default_str();
  c->add_option("--batch", o->batch, "windows of a step")->check(size)->capture_default_str();
  const auto setting = [&](const char* name, auto& value, const char* what, const CLI::Validator& fits) {
    CLI::Option* option = c->add_option(name, value, what)->check(fits)->capture_default_str();
    o->settings.push_back({option, [&value] { return Json(value); }});
    return option;
  };
  setting("--steps", o->steps, "steps of the whole run", count);
  o->rate = setting("--lr", o->optimiser.rate, "highest learning rate", real_number(0, 1e6));
  setting("--warm-up", o->warm_up, "steps to the highest learning rate", count);
  setting("--last-lr", o->last_rate, "share of the learning rate that the cosine ends at", share);
  setting("--beta1", o->optimiser.beta1, "of AdamW", below_one);
  setting("--beta2", o->optimiser.beta2, "of AdamW", below_one);
  setting("--decay", o->optimiser.decay, "weight decay of tensors of two or more axes", real_number(0, 1e6));
  o->clip = setting("--clip", o->optimiser.clip, "largest norm of the gradient; 0: not clipped, and then not stored where a product can teach its weight at once", real_number(0, 1e30));
  c->add_option("--dropout", o->model.dropout, "share of activations and of attention probabilities dropped (gpt2)")
      ->check(real_number(0, 0.99))
      ->capture_default_str();
  c->add_option("--tokenizer", o->tokenizer, "char or byte")
      ->check(CLI::IsMember({"char", "byte"}))
      ->capture_default_str();
  c->add_option("--validation", o->validation, "share of the data, at its end, held back")
      ->check(real_number(0, 0.9))
      ->capture_default_str();
  c->add_option("--eval-every", o->eval_every, "steps between validations; 0: only at the end")
      ->check(count)
      ->capture_default_str();
  c->add_option("--checkpoint-every", o->checkpoint_every, "steps between checkpoints (default: as --eval-every)")
      ->check(size);
  c->add_option("--seed", o->seed, "of initial weights, batches and dropout")->check(whole_number())->capture_default_str();
  add_precision_option(*c, o->model.compute);
  c->add_option("--out", o->out, "folder for checkpoints and metrics.jsonl (default: nothing is kept)");
  CLI::Option* overwrite = c->add_flag("--overwrite", o->overwrite, "replace the run that --out holds");
  c->add_flag("--resume", o->resume,
              "go on from the newest checkpoint in --out: --steps, the learning rate and the optimiser's numbers are those of the run "
              "unless they are given again")
      ->excludes(overwrite);
  add_device_options(*c, o->device);
  c->add_flag("--json", o->json, "one JSON object a line on standard output");
  c->callback([&chosen, o] { chosen = [o] { return run(*o); }; });
}

}  // namespace uwaga
