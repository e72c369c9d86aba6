CREATE INDEX CONCURRENTLY IF NOT EXISTS return_photographs_file ON return_photographs (file_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS products_picture ON products (picture_id) WHERE picture_id IS NOT NULL;
