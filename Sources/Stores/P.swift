enum PlaceholderStores {}
