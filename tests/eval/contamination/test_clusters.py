"""Clusters of held-out documents."""

from eval.contamination.clusters import near_duplicate_clusters

TEXT = "The seller delivers the goods within thirty days of the order, and the buyer pays the price on delivery or within the time that both have agreed on."


def test_a_document_with_one_character_edited_is_in_the_cluster_of_the_original():
    texts = ["Another text of which no five words in a row stand in the others.", TEXT, TEXT.replace("goods", "goodz"), TEXT + " Signed."]
    assert near_duplicate_clusters(texts).tolist() == [0, 1, 1, 1]
