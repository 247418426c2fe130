enum PlaceholderInbound {}
