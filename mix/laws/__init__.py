"""Laws that predict a loss from shares, tokens, model size and learning rate: one law a file, one interface (`mix.laws.law`)."""
