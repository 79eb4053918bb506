"""Steps as data: parse, plan, fold, run, record, presets."""
